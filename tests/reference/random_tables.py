"""Random tables: two of the same columns, filled from small pools so that values meet again, and
perhaps a batch of the first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from gatekeeper.domain.batch import Batch, Range, Values
from tests.reference.judged import Row
from tests.reference.values import compare, read_like, written

MOST_ROWS = 12

TYPES: Mapping[str, tuple[str, str]] = {
    "id": ("integer", "INTEGER"),
    "count": ("integer", "INTEGER"),
    "amount": ("numeric(10,2)", "DECIMAL(10,2)"),
    "Größe.m²": ("double precision", "DOUBLE"),
    "note": ("text", "VARCHAR"),
    'a "form"': ("text", "VARCHAR"),
    "day": ("date", "DATE"),
    "at": ("timestamp without time zone", "TIMESTAMP"),
    "seen": ("timestamp without time zone", "TIMESTAMP"),
    "ok": ("boolean", "BOOLEAN"),
}
"""The columns, with their types as PostgreSQL and as DuckDB write them."""

NUMBERS = ("id", "count", "amount", "Größe.m²")
EXACT_NUMBERS = ("id", "count", "amount")
TEXTS = ("note", 'a "form"')
TIMES = ("day", "at", "seen")
COLUMNS = tuple(TYPES)
WRITTEN = tuple(column for column in COLUMNS if column not in ("Größe.m²", "seen"))
"""The columns whose values are written the same everywhere: a double is 1 here and 1.0 there."""
SETTLED = tuple(column for column in COLUMNS if column != "seen")
"""The columns whose values are known when a rule is made: `seen` is minutes before now."""

FORMS = (
    "0", "-5", "+12", "007", "9223372036854775807", "-9223372036854775808", "9223372036854775808",
    "1.5", "+.5", "5.", "-1e10", "1E-5", ".", "1_0", "٣", "0x1f", "NaN", "Infinity",
    "2024-02-29", "2023-02-29", "1900-02-29", "2000-02-29", "0001-01-01", "9999-12-31", "2024-1-1",
    "2024-02-29 23:59", "2024-02-29T23:59:59.5Z", "2024-02-29 01:00:00+05:30", "2024-02-29 24:00",
    "123e4567-e89b-12d3-a456-426614174000", "123E4567-E89B-12D3-A456-426614174000",
    '{"a": [1, null, "x,]"]}', "[]", "[1, 2]", "[true, false]", '"a\\"b"', "-1.5e3", "null",
    "1e999",
    "ada@example.org", "a.b+c@mail.example.org", "ada@localhost", "ada@-x.org",
    "http://localhost", "https://example.org:8080/a?b#c", "HTTP://a-b.org?x", "ftp://example.org",
    "DE89370400440532013000", "GB82WEST12345698765432", "NO9386011117947", "192.0.2.1",
    "255.255.255.255", "256.1.1.1", "1.2.3.04", "+4930123456", "+1", "+012345", "+123456789012345",
    "+1234567890123456",
)  # fmt: skip
"""Texts that have a form or nearly so; some are changed by a character."""


@dataclass(frozen=True)
class Drawn:
    """An example. What stands in `seen` is minutes before now, until there is a now."""

    pools: Mapping[str, Sequence[Any]]
    rows: Sequence[Row]
    other: Sequence[Row]
    batch: Batch | None

    @property
    def judged(self) -> list[Row]:
        """The rows of the batch."""
        return [row for row in self.rows if _is_in(row, self.batch)]


def settle(rows: Sequence[Row], now: datetime) -> list[Row]:
    """The rows with their times in `seen`."""
    return [
        {**row, "seen": None if row["seen"] is None else now - timedelta(minutes=row["seen"])}
        for row in rows
    ]


def _is_in(row: Row, batch: Batch | None) -> bool:
    if batch is None:
        return True
    value = row[batch.column]
    if value is None:
        return False
    if isinstance(batch, Range):
        start, end = (read_like(value, bound) for bound in (batch.start, batch.end))
        return compare(value, start) >= 0 and compare(value, end) < 0
    return any(compare(value, read_like(value, each)) == 0 for each in batch.values)


def as_parameter(value: Any) -> Any:
    """A value in the form that parameters and batches have."""
    match value:
        case bool() | int() | float() | str():
            return value
        case Decimal():
            return float(value)
        case _:
            return written(value)


def beside(value: Any, step: int) -> Any:
    """The next value or the one before it, where there is one."""
    match value:
        case bool() | str():
            return value
        case int():
            return value + step
        case Decimal():
            return value + step * Decimal("0.01")
        case float():
            return value + step * 0.01
        case datetime():
            inside = datetime.min < value < datetime.max  # noqa: DTZ901 - like every time here
            return value + timedelta(microseconds=step) if inside else value
        case _:
            return value + timedelta(days=step) if date.min < value < date.max else value


_TIMES_OF_DAY = [time(0), time(1, 30, 0, 500_000), time(12), time(23, 59, 59, 999_999)]
_days = st.dates(date(2024, 2, 20), date(2024, 3, 12)) | st.sampled_from(
    [date(1, 1, 1), date(1969, 12, 31), date(2024, 2, 29), date(9999, 12, 31)]
)
_cents = st.integers(-300, 300) | st.sampled_from([-(10**10) + 1, 10**10 - 1])


@st.composite
def _form(draw: st.DrawFn) -> str:
    text: str = draw(st.sampled_from(FORMS))
    at = draw(st.integers(0, len(text)))
    added = draw(st.sampled_from([*" \t\n\v\u00a0\u3000-+.:@/,0aéZ\\", ""]))
    changed = text[:at] + added + text[at + 1 :]
    form: str = draw(st.sampled_from([text, text, changed, added + text + added]))
    return form


_VALUES: Mapping[str, st.SearchStrategy[Any]] = {
    "count": st.integers(-3, 9) | st.sampled_from([-(2**31), 2**31 - 1]),
    "amount": _cents.map(lambda cents: Decimal(cents).scaleb(-2)),
    "Größe.m²": st.integers(-300, 300).map(lambda cents: cents / 100)
    | st.sampled_from([0.1, -0.0, 1e-05, 1e15, float("nan"), float("inf"), float("-inf")]),
    "note": st.text("abA0é日🙂 \t\n\u00a0\u3000'\"\\%", max_size=5)
    | st.sampled_from(["", "\t ", "\u00a0", "a'"]),
    'a "form"': _form(),
    "day": _days,
    "at": st.builds(datetime.combine, _days, st.sampled_from(_TIMES_OF_DAY)),
    "seen": st.integers(-5_000, 5_000),
    "ok": st.booleans(),
}  # fmt: skip


def _pool(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    """A few values, or one, of which the column is then full."""
    return st.lists(values, min_size=3, max_size=5) | st.lists(values, min_size=1, max_size=1)


@st.composite
def _rows(draw: st.DrawFn, pools: Mapping[str, Sequence[Any]]) -> list[Row]:
    rows = draw(st.sampled_from([MOST_ROWS, 10, 1, MOST_ROWS, 0, 8, MOST_ROWS]))
    choices = {column: st.sampled_from([*pool, *pool, None]) for column, pool in pools.items()}
    return [
        {"id": id_} | {name: draw(each) for name, each in choices.items()} for id_ in range(rows)
    ]


@st.composite
def _batch(draw: st.DrawFn, pools: Mapping[str, Sequence[Any]]) -> Batch | None:
    kind = draw(st.sampled_from(["whole", "period", "whole", "values", "range", "period"]))
    if kind == "whole":
        return None
    if kind == "values":
        column = draw(st.sampled_from(["id", "count", "amount", "note", "day", "at", "ok"]))
        values = draw(st.lists(st.sampled_from(pools[column]), min_size=1, max_size=3))
        return Values(column, tuple(map(as_parameter, values)))
    column = draw(st.sampled_from(["day", "at"] if kind == "period" else ["id", "count", "amount"]))
    pool = pools[column]
    start = draw(st.sampled_from([min(pool), *pool]))
    end = draw(st.sampled_from([beside(max(pool), 1), *pool, beside(max(pool), 1)]))
    return Range(column, start=as_parameter(start), end=as_parameter(end))


@st.composite
def drawn_tables(draw: st.DrawFn) -> Drawn:
    """Two tables and a batch."""
    filled = {
        column: draw(
            st.lists(values, min_size=3, max_size=5) | st.lists(values, min_size=1, max_size=1)
        )
        for column, values in _VALUES.items()
    }
    pools = {"id": range(MOST_ROWS), **filled}
    return Drawn(pools, draw(_rows(filled)), draw(_rows(filled)), draw(_batch(pools)))
