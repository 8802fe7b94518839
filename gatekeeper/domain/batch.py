"""The batch: the slice of the table that a run judges."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Scalar = str | int | float | bool


@dataclass(frozen=True)
class Range:
    """The rows whose `column` is at or after `start` and before `end` (half open)."""

    column: str
    start: Scalar
    end: Scalar


@dataclass(frozen=True)
class Values:
    """The rows whose `column` is one of `values`."""

    column: str
    values: tuple[Scalar, ...]


Batch = Range | Values


def render_batch(batch: Batch) -> dict[str, Any]:
    """Give the batch in its wire form, the one that triggers use."""
    match batch:
        case Range(column, start, end):
            return {"column": column, "from": start, "to": end}
        case Values(column, values):
            return {"column": column, "values": list(values)}


def parse_batch(wire: Mapping[str, Any]) -> Batch:
    """Read the wire form, already validated at the edge."""
    if "values" in wire:
        return Values(wire["column"], tuple(wire["values"]))
    return Range(wire["column"], wire["from"], wire["to"])


def batch_key(batch: Batch | None) -> str:
    """A short text that is the same for the same batch, for the queue's locks."""
    wire = json.dumps(render_batch(batch) if batch else None, sort_keys=True)
    return hashlib.sha256(wire.encode()).hexdigest()[:16]
