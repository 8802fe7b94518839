"""How a gate learns by itself that its table has changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import reduce
from typing import Any

from gatekeeper.domain.batch import Range, Scalar


@dataclass(frozen=True)
class Watch:
    """Where new rows are told by: a runner looks `every_seconds` for values of `column` above the
    greatest it saw, or change events are gathered for `window_seconds` from the first of them on.

    `changes_of` is what the source database of these events calls the table, where that isn't the
    warehouse's own name for it: `database.schema.table`, or `database.table`.
    """

    column: str | None
    every_seconds: int | None = None
    window_seconds: int | None = None
    changes_of: str | None = None


@dataclass(frozen=True)
class TableChange:
    """A row of a table was written or deleted, or (without values) rows that aren't told.

    The names are the source database's own; `schema` is None where it has none, as in MySQL.
    `values` are the row's by column: as it is now, or as it was before it was deleted.
    """

    database: str
    schema: str | None
    table: str
    values: Mapping[str, Any]

    @property
    def source(self) -> str:
        """The table's whole name there."""
        names = (self.database, self.schema, self.table)
        return ".".join(name for name in names if name is not None)


@dataclass(frozen=True)
class Span:
    """The rows that changed: from the smallest to the greatest value of a column, both included."""

    low: Scalar
    high: Scalar

    def batch(self, column: str) -> Range:
        """The batch that holds them."""
        return Range(column, start=self.low, through=self.high)


def find_span(column: str | None, changes: Sequence[TableChange]) -> Span | None:
    """Give the span of some changes, at least one; None where only the whole table holds them:
    without a column, or where a change doesn't tell its value or tells one without an order.
    """
    if column is None:
        return None
    spans = [_span_of(change.values.get(column)) for change in changes]
    return reduce(join, spans)


def join(one: Span | None, other: Span | None) -> Span | None:
    """Give the span of both."""
    if one is None or other is None:
        return None
    ends: list[Any] = [one.low, one.high, other.low, other.high]
    try:
        ends.sort(key=_place)
    except TypeError:
        # A number and a time, or a time with a zone and one without.
        return None
    return Span(ends[0], ends[-1])


def _span_of(value: Any) -> Span | None:
    return None if _place(value) is None else Span(value, value)


def _place(value: Any) -> Any:
    """Where a value stands in its column's order. How a warehouse sorts text isn't known here, so
    only text that is a date or a time has a place.
    """
    match value:
        case bool():
            return None
        case int() | float():
            return Decimal(value)
        case str():
            try:
                return datetime.fromisoformat(value)
            except ValueError:
                return None
    return None
