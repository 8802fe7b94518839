"""Rule types that look for each row in another table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.reference.judged import Judged, Parameters, Row, RuleType
from tests.reference.values import compare, is_near


def relationships(judged: Judged, parameters: Parameters) -> int:
    known = [row[parameters["field"]] for row in judged.others[parameters["to"]]]
    return sum(
        not any(_is_same(value, other) for other in known)
        for value in (row[parameters["column"]] for row in judged.rows)
        if value is not None
    )


def _is_same(value: Any, other: Any) -> bool:
    return value is not None and other is not None and compare(value, other) == 0


def matches_reference(judged: Judged, parameters: Parameters) -> int:
    trusted = judged.others[parameters["to"]]
    return sum(
        not any(_is_counterpart(row, other, parameters) for other in trusted)
        for row in judged.rows
        if all(row[pair["column"]] is not None for pair in parameters["key"])
    )


def _is_counterpart(row: Row, other: Row, parameters: Parameters) -> bool:
    def there(pair: Mapping[str, str]) -> Any:
        return other[pair.get("field", pair["column"])]

    return all(_is_same(row[pair["column"]], there(pair)) for pair in parameters["key"]) and all(
        row[pair["column"]] is None or is_near(row[pair["column"]], there(pair), parameters)
        for pair in parameters["columns"]
    )


RULE_TYPES: Mapping[str, RuleType] = {
    "matches_reference": matches_reference,
    "relationships": relationships,
}
