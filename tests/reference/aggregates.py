"""Rule types about one number that is made of many values."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from tests.reference.judged import Judged, Parameters, Row, RuleType
from tests.reference.tables import percent_beyond
from tests.reference.values import is_beyond, is_near, sort_key

MAD_FACTOR = Fraction("1.4826")

Exact = Fraction | float
"""A number: exact, or infinity or NaN."""


def _exact(value: Any) -> Exact:
    return Fraction(value) if math.isfinite(value) else float(value)


def _sum(values: Sequence[Exact]) -> Exact:
    odd = [float(value) for value in values if not math.isfinite(value)]
    return sum(odd) if odd else sum(values, Fraction(0))


def _avg(values: Sequence[Exact]) -> Exact:
    return _sum(values) / len(values)


def _variance(values: Sequence[Exact]) -> Exact:
    if not all(map(math.isfinite, values)):
        return math.nan
    middle = _avg(values)
    return sum(((value - middle) ** 2 for value in values), Fraction(0)) / (len(values) - 1)


def _stddev(values: Sequence[Exact]) -> float | None:
    return math.sqrt(_variance(values)) if len(values) > 1 else None


def quantile(values: Sequence[Exact], at: Fraction) -> Exact:
    """The value at a part of the way from the least to the greatest, or in proportion between
    the two next to it.
    """
    ordered = sorted(values, key=sort_key)
    place = at * (len(ordered) - 1)
    low, high = ordered[math.floor(place)], ordered[math.ceil(place)]
    return low if sort_key(low) == sort_key(high) else low + (high - low) * (place % 1)


def aggregate(name: str, values: Sequence[Any], at: float | None = None) -> Any:
    """An aggregate of the values that are there; None where there is none."""
    if not values:
        return None
    if name in ("min", "max"):
        return {"min": min, "max": max}[name](values, key=sort_key)
    exact = [_exact(value) for value in values]
    known: Mapping[str, Callable[[], Any]] = {
        "sum": lambda: _sum(exact),
        "avg": lambda: _avg(exact),
        "stddev": lambda: _stddev(exact),
        "median": lambda: quantile(exact, Fraction(1, 2)),
        "quantile": lambda: quantile(exact, Fraction(str(at))),
    }
    return known[name]()


def values_of(rows: Sequence[Row], column: str) -> list[Any]:
    """The values of a column, without the missing ones."""
    return [row[column] for row in rows if row[column] is not None]


def aggregate_between(judged: Judged, parameters: Parameters) -> int:
    values = values_of(judged.rows, parameters["column"])
    measured = aggregate(parameters["aggregate"], values, parameters.get("quantile"))
    return int(is_beyond(measured, parameters))


def aggregate_equals(judged: Judged, parameters: Parameters) -> int:
    here = values_of(judged.rows, parameters["column"])
    there = values_of(judged.others[parameters["to"]], parameters["field"])
    one, other = (aggregate(parameters["aggregate"], values) for values in (here, there))
    agree = one is None and other is None
    return int(bool(judged.rows) and not agree and not is_near(one, other, parameters))


def outlier_percent(judged: Judged, parameters: Parameters) -> int:
    numbers = [_exact(value) for value in values_of(judged.rows, parameters["column"])]
    finite = [number for number in numbers if isinstance(number, Fraction)]
    is_outlier = _outlier(finite, Fraction(str(parameters["threshold"])), parameters["method"])
    outliers = len(numbers) - len(finite) + sum(map(is_outlier, finite))
    return percent_beyond(outliers, len(numbers), parameters)


def _outlier(
    numbers: Sequence[Fraction], threshold: Fraction, method: str
) -> Callable[[Fraction], bool]:
    """Squared, so that no root makes the comparison inexact."""
    if len(numbers) < (2 if method == "zscore" else 1):
        return lambda _: False
    if method == "zscore":
        middle = Fraction(_avg(numbers))
        spread = Fraction(_variance(numbers))
    else:
        middle = Fraction(quantile(numbers, Fraction(1, 2)))
        distances = [abs(number - middle) for number in numbers]
        spread = (MAD_FACTOR * Fraction(quantile(distances, Fraction(1, 2)))) ** 2
    return lambda number: (number - middle) ** 2 > threshold**2 * spread


RULE_TYPES: Mapping[str, RuleType] = {
    "aggregate_between": aggregate_between,
    "aggregate_equals": aggregate_equals,
    "outlier_percent": outlier_percent,
}
