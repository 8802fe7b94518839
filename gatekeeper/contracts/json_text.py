"""JSON as it comes from outside."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any, NoReturn

from gatekeeper.domain.errors import InvalidRequest

MAX_BODY_BYTES = 2**20

_MAX_SHOWN = 100


def parse_json(text: str | bytes) -> Any:
    """Read the JSON; raises InvalidRequest that says where it breaks off.

    NaN and Infinity are no JSON. A name that stands twice in an object is refused: one reader
    takes the first value, another the last, and a gate must not judge what wasn't meant.
    """
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_no_constant)
    except ValueError as error:
        raise InvalidRequest("body", f"not JSON: {error}") from None
    except RecursionError:
        raise InvalidRequest("body", "nested too deeply") from None


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        [(twice, _)] = Counter(name for name, _ in pairs).most_common(1)
        raise InvalidRequest("body", f"{twice[:_MAX_SHOWN]!r} stands twice in an object")
    return content


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")
