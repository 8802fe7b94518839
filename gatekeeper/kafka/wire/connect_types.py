"""Dates and times in rows of Kafka Connect: numbers that only the schema tells from others.

They become ISO text, exactly. What isn't a date between the years 1 and 9999, such as PostgreSQL's
`infinity`, stays the number it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

_EPOCH = date(1970, 1, 1)
_MIDNIGHT = datetime(1970, 1, 1)  # noqa: DTZ001 - a column without time zone
_SECONDS_A_DAY = 86_400


def convert_row(row: Mapping[str, Any], schema: Any, part: str) -> dict[str, Any]:
    """Convert the row by the event's schema; `part` is the row's place in it."""
    columns = _fields(_fields(schema).get(part))
    return {name: _convert(value, columns.get(name)) for name, value in row.items()}


def _fields(struct: Any) -> dict[str, Any]:
    """The fields of a struct by name; none where it is no struct."""
    fields = struct.get("fields") if isinstance(struct, dict) else None
    if not isinstance(fields, list):
        return {}
    described = [each for each in fields if isinstance(each, dict)]
    return {each["field"]: each for each in described if isinstance(each.get("field"), str)}


def _convert(value: Any, column: Any) -> Any:
    name = column.get("name") if isinstance(column, dict) else None
    write = _WRITERS.get(name) if isinstance(name, str) else None
    if write is None or type(value) is not int:
        return value
    try:
        return write(value)
    except OverflowError:
        return value


def _date(days: int) -> str:
    return (_EPOCH + timedelta(days=days)).isoformat()


def _timestamp(digits: int, count: int) -> str:
    """Write a count of units since 1970, where a second has so many digits of them."""
    seconds, rest = divmod(count, 10**digits)
    return (_MIDNIGHT + timedelta(seconds=seconds)).isoformat() + _fraction(rest, digits)


def _time(digits: int, count: int) -> str:
    seconds, rest = divmod(count, 10**digits)
    if not 0 <= seconds < _SECONDS_A_DAY:
        raise OverflowError
    time = (_MIDNIGHT + timedelta(seconds=seconds)).time()
    return time.isoformat() + _fraction(rest, digits)


def _fraction(rest: int, digits: int) -> str:
    return f".{rest:0{digits}d}" if rest else ""


_MILLIS, _MICROS, _NANOS = 3, 6, 9

_WRITERS: Mapping[str, Callable[[int], str]] = {
    "io.debezium.time.Date": _date,
    "org.apache.kafka.connect.data.Date": _date,
    "io.debezium.time.Timestamp": partial(_timestamp, _MILLIS),
    "io.debezium.time.MicroTimestamp": partial(_timestamp, _MICROS),
    "io.debezium.time.NanoTimestamp": partial(_timestamp, _NANOS),
    "org.apache.kafka.connect.data.Timestamp": partial(_timestamp, _MILLIS),
    "io.debezium.time.Time": partial(_time, _MILLIS),
    "io.debezium.time.MicroTime": partial(_time, _MICROS),
    "io.debezium.time.NanoTime": partial(_time, _NANOS),
    "org.apache.kafka.connect.data.Time": partial(_time, _MILLIS),
}
