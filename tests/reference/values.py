"""Comparing values as a warehouse does, and writing them as it does."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import date, datetime, time
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tests.reference.judged import Parameters

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - like every time here
FORMS = {"true": True, "false": False}


def sort_key(value: Any) -> Any:
    """What orders values of one kind: NaN is equal to itself and greater than any number."""
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, (date, datetime)):
        return microseconds(value)
    if isinstance(value, float) and math.isnan(value):
        return (1, 0)
    return (0, value if isinstance(value, float) and math.isinf(value) else Fraction(value))


def compare(left: Any, right: Any) -> int:
    """-1, 0 or 1. Where one of two numbers is a float, the other is made one before."""
    if isinstance(left, float) or isinstance(right, float):
        left, right = float(left), float(right)
    one, other = sort_key(left), sort_key(right)
    return int(one > other) - int(one < other)


def read_like(sample: Any, bound: Any) -> Any:
    """A parameter as a value to compare with the sample: text is read in the sample's type."""
    if isinstance(bound, str):
        return _read_text(sample, bound)
    return Decimal(str(bound)) if isinstance(bound, float) else bound


def _read_text(sample: Any, text: str) -> Any:
    match sample:
        case str():
            return text
        case bool():
            return FORMS[text]
        case datetime():
            return datetime.fromisoformat(text)
        case date():
            return date.fromisoformat(text)
        case _:
            return Decimal(text)


def is_beyond(value: Any, parameters: Parameters) -> bool:
    """Whether a value is below min or above max, where there are such."""
    if value is None:
        return False
    return ("min" in parameters and compare(value, read_like(value, parameters["min"])) < 0) or (
        "max" in parameters and compare(value, read_like(value, parameters["max"])) > 0
    )


def is_listed(value: Any, values: Iterable[Any]) -> bool:
    """Whether a value is among those listed: by its written form unless all of them are numbers."""
    listed = list(values)
    if all(isinstance(each, (int, float)) and not isinstance(each, bool) for each in listed):
        return any(compare(value, read_like(value, each)) == 0 for each in listed)
    return written(value) in [written(each) for each in listed]


def written(value: Any) -> str:
    """A value as text. A float has no form that all warehouses agree on (1 and 1.0), and a
    parameter that is one has that of JSON.
    """
    match value:
        case bool():
            return str(value).lower()
        case datetime():
            text = value.isoformat(" ")
            return text.rstrip("0") if value.microsecond else text
        case date():
            return value.isoformat()
        case _:
            return str(value)


def microseconds(value: date) -> int:
    """A date or time as a whole number; a date is its first moment."""
    at = value if isinstance(value, datetime) else datetime.combine(value, time.min)
    since = at - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def is_near(value: Any, other: Any, parameters: Parameters) -> bool:
    """Equal, or within one of the tolerances; what isn't finite is near to nothing."""
    if value is None or other is None:
        return False
    if compare(value, other) == 0:
        return True
    if "tolerance" not in parameters and "tolerance_percent" not in parameters:
        return False
    if not (math.isfinite(value) and math.isfinite(other)):
        return False
    here, there = Fraction(value), Fraction(other)
    share = Fraction(str(parameters.get("tolerance_percent", 0))) / 100
    return abs(here - there) <= max(
        Fraction(str(parameters.get("tolerance", 0))), abs(there) * share
    )
