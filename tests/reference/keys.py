"""Rule types about what stands more than once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from tests.reference.judged import Judged, Parameters, RuleType
from tests.reference.tables import percent_beyond
from tests.reference.values import is_beyond, sort_key


def _keys(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[str], *, complete: bool
) -> Counter[tuple[Any, ...]]:
    """How often each combination stands; of complete ones only, none of whose parts is missing."""
    return Counter(
        tuple(None if row[column] is None else sort_key(row[column]) for column in columns)
        for row in rows
        if not complete or all(row[column] is not None for column in columns)
    )


def unique(judged: Judged, parameters: Parameters) -> int:
    return _repeated(judged, parameters, complete=True)


def unique_combination(judged: Judged, parameters: Parameters) -> int:
    return _repeated(judged, parameters, complete=False)


def _repeated(judged: Judged, parameters: Parameters, *, complete: bool) -> int:
    """Of the batch's keys, how many stand more than once: in it, or in the whole table."""
    rows = judged.whole if parameters.get("scope") == "table" else judged.rows
    times = _keys(rows, parameters["columns"], complete=complete)
    keys = _keys(judged.rows, parameters["columns"], complete=complete)
    return sum(times[key] > 1 for key in keys)


def duplicate_percent(judged: Judged, parameters: Parameters) -> int:
    keys = _keys(judged.rows, parameters["columns"], complete=True)
    return percent_beyond(keys.total() - len(keys), keys.total(), parameters)


def distinct_count_between(judged: Judged, parameters: Parameters) -> int:
    return int(
        is_beyond(len(_keys(judged.rows, [parameters["column"]], complete=True)), parameters)
    )


RULE_TYPES: Mapping[str, RuleType] = {
    "distinct_count_between": distinct_count_between,
    "duplicate_percent": duplicate_percent,
    "unique": unique,
    "unique_combination": unique_combination,
}
