"""`.env.example`: every setting, with its meaning and its default."""

from __future__ import annotations

from pathlib import Path
from textwrap import fill
from typing import Any

from gatekeeper.settings import ROOT, KafkaSettings, Settings, names_of

HEAD = """\
# Every setting of StringX, as it is when it isn't set. Copy this file to .env and take the # away
# from what you change: ./start-service.sh reads it there. Passwords are better left in files that a
# setting names. What warehouses refer to (env:STRINGX_WAREHOUSE_...) may stand here, too.
"""


def render_env_example() -> str:
    """Write the file."""
    blocks = [
        f"{fill(field.description or '', 100, initial_indent='# ', subsequent_indent='# ')}\n"
        f"#{name}={_written(field.default)}\n"
        for kind in (Settings, KafkaSettings)
        for name, field in _fields(kind)
    ]
    return "\n".join([HEAD, *blocks])


def _fields(kind: type[Settings | KafkaSettings]) -> list[tuple[str, Any]]:
    return [(name, kind.model_fields[field]) for name, field in names_of(kind).items()]


def _written(default: Any) -> str:
    if default is None:
        return ""
    if isinstance(default, Path) and default.is_relative_to(ROOT):
        return str(default.relative_to(ROOT))
    return str(default)
