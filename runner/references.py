"""Resolving what a warehouse's connection refers to: `env:NAME` or `file:NAME`.

Only variables that begin with STRINGX_WAREHOUSE_ and files right in the secrets directory can be
referred to, so that no configuration can read the store's own credentials.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from gatekeeper.domain.errors import UnknownReference

ENV_PREFIX = "STRINGX_WAREHOUSE_"
_FILE_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")


def resolve_connection(
    connection: Mapping[str, str | int], environment: Mapping[str, str], secrets_dir: Path
) -> dict[str, str]:
    """Replace every reference by what it stands for; raises UnknownReference."""
    return {
        field: _resolve(field, str(value), environment, secrets_dir)
        for field, value in connection.items()
    }


def _resolve(field: str, value: str, environment: Mapping[str, str], secrets_dir: Path) -> str:
    scheme, _, name = value.partition(":")
    if scheme == "env":
        if name.startswith(ENV_PREFIX) and name in environment:
            return environment[name]
        raise UnknownReference(f"the warehouse's {field}: {value} isn't set for this runner")
    if scheme == "file":
        try:
            if _FILE_NAME.fullmatch(name):
                return (secrets_dir / name).read_text().rstrip("\n")
        except OSError:
            pass
        raise UnknownReference(f"the warehouse's {field}: {value} can't be read by this runner")
    return value
