"""Random parameters for every rule type, from the table that they are for: bounds are values that
stand in it or lie right beside them.

Where a warehouse rounds, a bound is never on the very edge: avg, stddev, a quantile and any sum of
doubles are doubles on one warehouse or both, right to some 15 digits. So their bounds lie just
below or just above what comes out. Everything else is exact, and bounds are on the edge as well.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from tests.reference import aggregates, formats, free_sql
from tests.reference.free_sql import OTHER
from tests.reference.random_tables import (
    COLUMNS,
    EXACT_NUMBERS,
    NUMBERS,
    SETTLED,
    TEXTS,
    TIMES,
    TYPES,
    WRITTEN,
    Drawn,
    as_parameter,
    beside,
)
from tests.reference.times import SECONDS
from tests.reference.values import microseconds, written

Parameters = dict[str, Any]
Make = Callable[[st.DrawFn, Drawn], Parameters]

UNEVEN = 0.00317
"""A tolerance that no two numbers of a few decimals, or averages of a dozen, differ by."""
UNEVEN_PERCENTS = [0, 3.14159, 50.31415]
"""Percentages of which none is a difference, and 0, which makes no difference at all."""
COMPARABLE = (("id", "count", "amount", "Größe.m²"), ("day", "at", "seen"), TEXTS)


def _one(draw: st.DrawFn, of: Sequence[Any]) -> Any:
    return draw(st.sampled_from(of))


def _some(draw: st.DrawFn, of: Sequence[Any], least: int = 1, most: int = 3) -> list[Any]:
    return draw(st.lists(st.sampled_from(of), min_size=least, max_size=most, unique=True))


def _limits(draw: st.DrawFn, bound: Callable[[], Any]) -> Parameters:
    """Min, max, or both; they need not be in order."""
    return {name: bound() for name in _some(draw, ["min", "max"])}


def _bound(draw: st.DrawFn, drawn: Drawn, column: str) -> Any:
    """A value of the column or one right beside it, as a parameter; a number perhaps as text."""
    value = _one(draw, drawn.pools[column])
    near = beside(_finite(value), _one(draw, [-1, 0, 0, 1]))
    if isinstance(near, bool):
        return written(near)
    # As text it is read in the column's own type, which what lies beside a value may not fit in.
    if isinstance(value, (int, Decimal)) and draw(st.booleans()):
        return written(value)
    return as_parameter(near)


def _finite(value: Any) -> Any:
    """JSON has no NaN and no infinity."""
    return 0.5 if isinstance(value, float) and not math.isfinite(value) else value


def _near_miss(draw: st.DrawFn, value: Any) -> float:
    """A number just below or just above one that a warehouse may round."""
    if value is None or not math.isfinite(value):
        return float(_one(draw, [-1, 0.5, 100]))
    number = float(value)
    step = max(0.01, abs(number) * 1e-6)
    return round(number + float(_one(draw, [-step, step])), 4)


def _share(draw: st.DrawFn) -> float:
    """A percentage that parts of a dozen are, or nearly."""
    part = Fraction(100 * draw(st.integers(0, 12)), draw(st.integers(1, 12)))
    return min(100.0, round(float(part), draw(st.integers(0, 4))))


def _listed(draw: st.DrawFn, drawn: Drawn, column: str) -> list[Any]:
    """Some values of the column: as numbers, or as they are written, perhaps with others."""
    values = [_finite(value) for value in _some_values(draw, drawn, column)]
    if column == "Größe.m²" or (column in NUMBERS and draw(st.booleans())):
        return [as_parameter(beside(value, _one(draw, [0, 0, 1]))) for value in values]
    texts = [written(value) for value in values]
    if column == "ok" and draw(st.booleans()):
        return list(values)
    return [*texts, *_one(draw, [["x"], ["x", 1], ["O'Brien", 1.5, True]])]


def _some_values(draw: st.DrawFn, drawn: Drawn, column: str) -> list[Any]:
    return draw(st.lists(st.sampled_from(drawn.pools[column]), min_size=1, max_size=3))


def _column(columns: Sequence[str]) -> Make:
    return lambda draw, _: {"column": _one(draw, columns)}


def _columns(least: int) -> Make:
    return lambda draw, _: {"columns": _some(draw, COLUMNS, least)}


def _keys(least: int) -> Make:
    def make(draw: st.DrawFn, drawn: Drawn) -> Parameters:
        scope: Parameters = _one(draw, [{}, {"scope": "batch"}, {"scope": "table"}])
        return {**_columns(least)(draw, drawn), **scope}

    return make


def _of_values(columns: Sequence[str]) -> Make:
    def make(draw: st.DrawFn, drawn: Drawn) -> Parameters:
        column = _one(draw, columns)
        return {"column": column, "values": _listed(draw, drawn, column)}

    return make


def _value_between(draw: st.DrawFn, drawn: Drawn) -> Parameters:
    column = _one(draw, SETTLED)
    return {"column": column, **_limits(draw, lambda: _bound(draw, drawn, column))}


def _length_between(draw: st.DrawFn, drawn: Drawn) -> Parameters:
    column = _one(draw, WRITTEN)
    lengths = [len(written(value)) for value in drawn.pools[column]]
    return {"column": column, **_limits(draw, lambda: _one(draw, [0, *lengths, lengths[0] + 1]))}


def _pattern(draw: st.DrawFn, _: Drawn) -> Parameters:
    """A regular expression of what every dialect has."""
    atoms = ["a", "0", "-", "é", "'", " ", "\\\\", ".", "[a-z0-9]", "[^a]", "(a|0)"]
    pieces = st.tuples(st.sampled_from(atoms), st.sampled_from(["", "", "?", "*", "+", "{1,2}"]))
    body = "".join(atom + often for atom, often in draw(st.lists(pieces, min_size=1, max_size=3)))
    return {
        "column": _one(draw, WRITTEN),
        "pattern": _one(draw, ["", "^"]) + body + _one(draw, ["", "$"]),
    }


def _columns_compare(draw: st.DrawFn, _: Drawn) -> Parameters:
    columns = _one(draw, COMPARABLE)
    operator = _one(draw, ["<", "<=", "=", "<>", ">=", ">"])
    return {"left": _one(draw, columns), "operator": operator, "right": _one(draw, columns)}


def _columns_equal_when(draw: st.DrawFn, drawn: Drawn) -> Parameters:
    columns, when = _one(draw, COMPARABLE), _one(draw, SETTLED)
    return {
        "left": _one(draw, columns),
        "right": _one(draw, columns),
        "when": when,
        "values": _listed(draw, drawn, when),
    }


def _castable_to(draw: st.DrawFn, _: Drawn) -> Parameters:
    column = _one(draw, [*WRITTEN, *['a "form"'] * 8])
    return {"column": column, "type": _one(draw, list(formats.TYPES))}


def _in_format(draw: st.DrawFn, _: Drawn) -> Parameters:
    column = _one(draw, [*WRITTEN, *['a "form"'] * 8])
    return {"column": column, "format": _one(draw, list(formats.FORMATS))}


def _minutes(draw: st.DrawFn, drawn: Drawn) -> tuple[float, str]:
    """A length of time that is not within half a minute of any before now, with its unit."""
    unit = _one(draw, list(SECONDS))
    minutes = abs(_one(draw, drawn.pools["seen"])) + _one(draw, [-0.5, 0.5])
    return max(0, round(minutes * 60 / SECONDS[unit], 6)), unit


def _age(draw: st.DrawFn, drawn: Drawn, name: str) -> Parameters:
    """Of days and times that are years away, only lengths that are much shorter or longer."""
    column = _one(draw, [*TIMES, "seen"])
    if column == "seen":
        length, unit = _minutes(draw, drawn)
    else:
        length, unit = _one(draw, [0, 1, 5_000_000]), "days"
    return {"column": column, name: length, "unit": unit}


def _freshness(draw: st.DrawFn, drawn: Drawn) -> Parameters:
    return _age(draw, drawn, "max")


def _not_in_future(draw: st.DrawFn, drawn: Drawn) -> Parameters:
    return _age(draw, drawn, "grace") if draw(st.booleans()) else {"column": _one(draw, TIMES)}


def _arrived_in_batch_window(draw: st.DrawFn, _: Drawn) -> Parameters:
    grace = {"grace": _one(draw, [0, 1, 1.5, 12, 23.999999]), "unit": _one(draw, list(SECONDS))}
    return {"column": _one(draw, TIMES), **_one(draw, [{}, grace])}


def _lag_between(draw: st.DrawFn, drawn: Drawn) -> Parameters:
    start, end, unit = _one(draw, TIMES[:2]), _one(draw, TIMES[:2]), _one(draw, list(SECONDS))
    lags = [
        Fraction(microseconds(two) - microseconds(one), SECONDS[unit] * 1_000_000)
        for one in drawn.pools[start]
        for two in drawn.pools[end]
    ]
    # As many digits as a double holds to the microsecond; a fraction of a unit may have more.
    bounds = [0, *(float(lag) for lag in lags if abs(lag) < 10**6 and lag * 10**6 % 1 == 0)]
    return {
        "start": start,
        "end": end,
        "unit": unit,
        **_limits(draw, lambda: _one(draw, bounds) + _one(draw, [0, 0, -1, 1])),
    }


def _no_date_gaps(draw: st.DrawFn, _: Drawn) -> Parameters:
    every = [{}, *({"every": each} for each in ("hour", "day", "week", "month"))]
    return {"column": _one(draw, TIMES), **_one(draw, every)}


def _distinct_count_between(draw: st.DrawFn, _: Drawn) -> Parameters:
    return {"column": _one(draw, COLUMNS), **_limits(draw, lambda: draw(st.integers(0, 6)))}


def _duplicate_percent(draw: st.DrawFn, _: Drawn) -> Parameters:
    return {"columns": _some(draw, COLUMNS), "max": _share(draw)}


def _row_count_between(draw: st.DrawFn, drawn: Drawn) -> Parameters:
    rows = len(drawn.judged)
    return _limits(draw, lambda: max(0, rows + draw(st.integers(-1, 1))))


def _not_null_percent(draw: st.DrawFn, _: Drawn) -> Parameters:
    return {"column": _one(draw, COLUMNS), **_limits(draw, lambda: _share(draw))}


def _share_between(draw: st.DrawFn, drawn: Drawn) -> Parameters:
    column = _one(draw, SETTLED)
    values = _listed(draw, drawn, column)
    return {"column": column, "values": values, **_limits(draw, lambda: _share(draw))}


def _is_exact(name: str, *columns: str) -> bool:
    return name in ("min", "max") or (name == "sum" and set(columns) <= set(EXACT_NUMBERS))


def _numbers(drawn: Drawn, name: str) -> Sequence[str]:
    """The columns to take an aggregate of. Between two infinities PostgreSQL finds NaN."""
    infinite = any(map(math.isinf, drawn.pools["Größe.m²"]))
    return EXACT_NUMBERS if infinite and name in ("median", "quantile") else NUMBERS


def _aggregate_between(draw: st.DrawFn, drawn: Drawn) -> Parameters:
    name = _one(draw, ["min", "max", "sum", "avg", "stddev", "median", "quantile"])
    ordered = [column for column in SETTLED if column != "ok"]
    column = _one(draw, ordered if name in ("min", "max") else _numbers(drawn, name))
    more = {"quantile": _one(draw, [0, 0.25, 0.5, 0.9, 1])} if name == "quantile" else {}
    values = aggregates.values_of(drawn.judged, column)
    measured = aggregates.aggregate(name, values, more.get("quantile"))

    def bound() -> Any:
        if name in ("min", "max"):
            return _bound(draw, drawn, column)
        if measured is not None and _is_exact(name, column):
            return float(measured + _one(draw, [Fraction("-0.01"), 0, Fraction("0.01")]))
        return _near_miss(draw, measured)

    return {"column": column, "aggregate": name, **more, **_limits(draw, bound)}


def _tolerances(draw: st.DrawFn, *, exact: bool) -> Parameters:
    """Numbers that are exact may be as far apart as the tolerance is; others never are."""
    tolerance = {"tolerance": _one(draw, [0, 0.01, 1, 2.5] if exact else [UNEVEN, 1 + UNEVEN])}
    percent = {"tolerance_percent": _one(draw, UNEVEN_PERCENTS)}
    both = {**tolerance, **percent}
    return _one(draw, [{}, tolerance, percent, both] if exact else [tolerance, both])  # type: ignore[no-any-return]


def _aggregate_equals(draw: st.DrawFn, drawn: Drawn) -> Parameters:
    name = _one(draw, ["min", "max", "sum", "avg", "stddev", "median"])
    if name in ("min", "max"):
        columns = _one(draw, COMPARABLE)
        column, field = _one(draw, columns), _one(draw, columns)
    else:
        column, field = _one(draw, _numbers(drawn, name)), _one(draw, _numbers(drawn, name))
    with_tolerance = column in NUMBERS
    exact = _is_exact(name, column, field) and "Größe.m²" not in (column, field)
    return {
        "aggregate": name,
        "column": column,
        "to": OTHER,
        "field": field,
        **(_tolerances(draw, exact=exact) if with_tolerance else {}),
    }


def _row_count_equals(draw: st.DrawFn, _: Drawn) -> Parameters:
    tolerance = {"tolerance": _one(draw, [0, 0.5, 1, 3])}
    percent = {"tolerance_percent": _one(draw, [0, 10, 12.5, 20, 33.3, 50, 100])}
    return {"to": OTHER, **_one(draw, [{}, tolerance, percent, {**tolerance, **percent}])}


def _relationships(draw: st.DrawFn, _: Drawn) -> Parameters:
    columns = _one(draw, [*COMPARABLE, ("ok",)])
    return {"column": _one(draw, columns), "to": OTHER, "field": _one(draw, columns)}


def _pair(draw: st.DrawFn, columns: Sequence[str]) -> Parameters:
    column, field = _one(draw, columns), _one(draw, columns)
    return _one(draw, [{"column": column}, {"column": column, "field": field}])  # type: ignore[no-any-return]


def _matches_reference(draw: st.DrawFn, _: Drawn) -> Parameters:
    key = [{"column": each} for each in _some(draw, ["count", "note", "day", "ok"], most=2)]
    columns = _one(draw, [EXACT_NUMBERS, NUMBERS, *COMPARABLE[1:]])
    pairs = [_pair(draw, columns) for _ in range(draw(st.integers(1, 2)))]
    exact = columns == EXACT_NUMBERS
    tolerances = _tolerances(draw, exact=exact) if columns[0] in NUMBERS else {}
    return {"to": OTHER, "key": key, "columns": pairs, **tolerances}


def _outlier_percent(draw: st.DrawFn, _: Drawn) -> Parameters:
    """Thresholds with more digits than the values have, so that nothing lies just on one."""
    return {
        "column": _one(draw, NUMBERS),
        "method": _one(draw, ["zscore", "mad"]),
        "threshold": _one(draw, [0.70317, 1.00317, 1.50317, 3.00317]),
        "max": _share(draw),
    }


def _columns_present(draw: st.DrawFn, _: Drawn) -> Parameters:
    return {"columns": _some(draw, [*COLUMNS, "Day", "gone", "it's"], most=4)}


def _schema_matches(draw: st.DrawFn, _: Drawn) -> Parameters:
    names = draw(st.permutations([*COLUMNS, "gone"])) if draw(st.booleans()) else COLUMNS
    types = [word for pair in TYPES.values() for word in pair]
    expected = [
        {"name": name, **_one(draw, [{}, {"type": _one(draw, [*TYPES.get(name, ()), *types])}])}
        for name in names[: draw(st.integers(1, len(names)))]
    ]
    flags = _some(draw, ["ordered", "others"], least=0)
    return {"columns": expected, **{flag: draw(st.booleans()) for flag in flags}}


MAKE: Mapping[str, Make] = {
    "accepted_values": _of_values(SETTLED),
    "aggregate_between": _aggregate_between,
    "aggregate_equals": _aggregate_equals,
    "arrived_in_batch_window": _arrived_in_batch_window,
    "castable_to": _castable_to,
    "columns_compare": _columns_compare,
    "columns_equal_when": _columns_equal_when,
    "columns_present": _columns_present,
    "custom_sql": lambda draw, _: {"query": _one(draw, list(free_sql.QUERIES))},
    "distinct_count_between": _distinct_count_between,
    "duplicate_percent": _duplicate_percent,
    "expression": lambda draw, _: {"expression": _one(draw, list(free_sql.CONDITIONS))},
    "freshness": _freshness,
    "in_format": _in_format,
    "lag_between": _lag_between,
    "length_between": _length_between,
    "matches_reference": _matches_reference,
    "matches_regex": _pattern,
    "no_date_gaps": _no_date_gaps,
    "not_blank": _column(WRITTEN),
    "not_in_future": _not_in_future,
    "not_matches_regex": _pattern,
    "not_null": _column(COLUMNS),
    "not_null_percent": _not_null_percent,
    "one_of_not_null": _columns(2),
    "outlier_percent": _outlier_percent,
    "rejected_values": _of_values(SETTLED),
    "relationships": _relationships,
    "row_count_between": _row_count_between,
    "row_count_equals": _row_count_equals,
    "schema_matches": _schema_matches,
    "share_between": _share_between,
    "unique": _keys(1),
    "unique_combination": _keys(2),
    "value_between": _value_between,
}
"""How the parameters of each rule type are drawn."""
