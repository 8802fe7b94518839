"""The batch: the slice of the table that a run judges."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any

Scalar = str | int | float | bool


@dataclass(frozen=True)
class Range:
    """The rows whose `column` lies between two values: from `start` on, or after `after`; before
    `end`, or up to and including `through`. What isn't given is open.
    """

    column: str
    _: KW_ONLY
    start: Scalar | None = None
    after: Scalar | None = None
    end: Scalar | None = None
    through: Scalar | None = None


@dataclass(frozen=True)
class Values:
    """The rows whose `column` is one of `values`."""

    column: str
    values: tuple[Scalar, ...]


Batch = Range | Values


def render_batch(batch: Batch) -> dict[str, Any]:
    """Give the batch in its wire form, the one that triggers use."""
    match batch:
        case Range(column=column, start=start, after=after, end=end, through=through):
            ends = {"from": start, "after": after, "to": end, "through": through}
            return {"column": column, **{key: end for key, end in ends.items() if end is not None}}
        case Values(column, values):
            return {"column": column, "values": list(values)}


def parse_batch(wire: Mapping[str, Any]) -> Batch:
    """Read the wire form, already validated at the edge."""
    if "values" in wire:
        return Values(wire["column"], tuple(wire["values"]))
    return Range(
        wire["column"],
        start=wire.get("from"),
        after=wire.get("after"),
        end=wire.get("to"),
        through=wire.get("through"),
    )


def batch_key(batch: Batch | None) -> str:
    """A short text that is the same for the same batch, for the queue's locks."""
    wire = json.dumps(render_batch(batch) if batch else None, sort_keys=True)
    return hashlib.sha256(wire.encode()).hexdigest()[:16]
