"""Rule types about what stands more than once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from tests.reference.judged import Judged, Parameters, RuleType
from tests.reference.tables import percent_beyond
from tests.reference.values import is_beyond, sort_key


def _keys(judged: Judged, columns: Sequence[str], *, whole: bool) -> Counter[tuple[Any, ...]]:
    """How often each combination stands; of `whole` ones only, none of whose parts is missing."""
    return Counter(
        tuple(None if row[column] is None else sort_key(row[column]) for column in columns)
        for row in judged.rows
        if not whole or all(row[column] is not None for column in columns)
    )


def unique(judged: Judged, parameters: Parameters) -> int:
    keys = _keys(judged, parameters["columns"], whole=True)
    return sum(times > 1 for times in keys.values())


def unique_combination(judged: Judged, parameters: Parameters) -> int:
    keys = _keys(judged, parameters["columns"], whole=False)
    return sum(times > 1 for times in keys.values())


def duplicate_percent(judged: Judged, parameters: Parameters) -> int:
    keys = _keys(judged, parameters["columns"], whole=True)
    return percent_beyond(keys.total() - len(keys), keys.total(), parameters)


def distinct_count_between(judged: Judged, parameters: Parameters) -> int:
    return int(is_beyond(len(_keys(judged, [parameters["column"]], whole=True)), parameters))


RULE_TYPES: Mapping[str, RuleType] = {
    "distinct_count_between": distinct_count_between,
    "duplicate_percent": duplicate_percent,
    "unique": unique,
    "unique_combination": unique_combination,
}
