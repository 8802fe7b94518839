"""Rule types about a table as a whole: its columns, how many rows, what share of them."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from tests.reference.judged import Judged, Parameters, RuleType
from tests.reference.values import is_beyond, is_listed, is_near


def percent_beyond(part: int, whole: int, parameters: Parameters) -> int:
    """1 if a share is out of bounds; a share of nothing never is."""
    return int(whole > 0 and is_beyond(Fraction(100 * part, whole), parameters))


def row_count_between(judged: Judged, parameters: Parameters) -> int:
    return int(is_beyond(len(judged.rows), parameters))


def row_count_equals(judged: Judged, parameters: Parameters) -> int:
    return int(not is_near(len(judged.rows), len(judged.others[parameters["to"]]), parameters))


def not_null_percent(judged: Judged, parameters: Parameters) -> int:
    present = sum(row[parameters["column"]] is not None for row in judged.rows)
    return percent_beyond(present, len(judged.rows), parameters)


def share_between(judged: Judged, parameters: Parameters) -> int:
    values = [row[parameters["column"]] for row in judged.rows]
    present = [value for value in values if value is not None]
    listed = sum(is_listed(value, parameters["values"]) for value in present)
    return percent_beyond(listed, len(present), parameters)


def _name(judged: Judged, name: str) -> str:
    return name.lower() if judged.folds_names else name


def columns_present(judged: Judged, parameters: Parameters) -> int:
    actual = {_name(judged, name) for name in judged.types}
    return sum(_name(judged, name) not in actual for name in parameters["columns"])


def schema_matches(judged: Judged, parameters: Parameters) -> int:
    types = {_name(judged, name): type_.lower() for name, type_ in judged.types.items()}
    expected = {_name(judged, each["name"]): each.get("type") for each in parameters["columns"]}
    shared = [name for name in types if name in expected]
    in_order = dict(zip([name for name in expected if name in types], shared, strict=True))
    wrong = sum(
        name not in types
        or (type_ is not None and type_.lower() != types[name])
        or (parameters.get("ordered", True) and in_order[name] != name)
        for name, type_ in expected.items()
    )
    return int(wrong) + (0 if parameters.get("others") else len(types) - len(shared))


RULE_TYPES: Mapping[str, RuleType] = {
    "columns_present": columns_present,
    "not_null_percent": not_null_percent,
    "row_count_between": row_count_between,
    "row_count_equals": row_count_equals,
    "schema_matches": schema_matches,
    "share_between": share_between,
}
