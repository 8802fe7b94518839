"""Rule types that look at each row by itself: its values, and how they compare."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from tests.reference.judged import Parameters, Row, RuleType, count_rows
from tests.reference.values import compare, is_beyond, is_listed, written

BLANKS = " \t\n\r\f\v\u00a0"
HOLDS: Mapping[str, Callable[[int, int], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    "<>": operator.ne,
    ">=": operator.ge,
    ">": operator.gt,
}


def _not_null(row: Row, parameters: Parameters) -> bool:
    return row[parameters["column"]] is None


def _not_blank(row: Row, parameters: Parameters) -> bool:
    value = row[parameters["column"]]
    return value is None or not written(value).strip(BLANKS)


def _one_of_not_null(row: Row, parameters: Parameters) -> bool:
    return all(row[column] is None for column in parameters["columns"])


def _accepted_values(row: Row, parameters: Parameters) -> bool:
    value = row[parameters["column"]]
    return value is not None and not is_listed(value, parameters["values"])


def _rejected_values(row: Row, parameters: Parameters) -> bool:
    value = row[parameters["column"]]
    return value is not None and is_listed(value, parameters["values"])


def _value_between(row: Row, parameters: Parameters) -> bool:
    return is_beyond(row[parameters["column"]], parameters)


def _length_between(row: Row, parameters: Parameters) -> bool:
    value = row[parameters["column"]]
    return value is not None and is_beyond(len(written(value)), parameters)


def has_match(value: Any, pattern: str) -> bool:
    """Whether the pattern is found. Unlike Python's, a $ is the very end, line break or not."""
    return re.search(pattern.replace("$", r"\Z"), written(value), re.DOTALL) is not None


def _matches_regex(row: Row, parameters: Parameters) -> bool:
    value = row[parameters["column"]]
    return value is not None and not has_match(value, parameters["pattern"])


def _not_matches_regex(row: Row, parameters: Parameters) -> bool:
    value = row[parameters["column"]]
    return value is not None and has_match(value, parameters["pattern"])


def _columns_compare(row: Row, parameters: Parameters) -> bool:
    left, right = row[parameters["left"]], row[parameters["right"]]
    if left is None or right is None:
        return False
    return not HOLDS[parameters["operator"]](compare(left, right), 0)


def _columns_equal_when(row: Row, parameters: Parameters) -> bool:
    left, right, when = (row[parameters[each]] for each in ("left", "right", "when"))
    if left is None or right is None or when is None:
        return False
    return compare(left, right) != 0 and is_listed(when, parameters["values"])


RULE_TYPES: Mapping[str, RuleType] = {
    "accepted_values": count_rows(_accepted_values),
    "columns_compare": count_rows(_columns_compare),
    "columns_equal_when": count_rows(_columns_equal_when),
    "length_between": count_rows(_length_between),
    "matches_regex": count_rows(_matches_regex),
    "not_blank": count_rows(_not_blank),
    "not_matches_regex": count_rows(_not_matches_regex),
    "not_null": count_rows(_not_null),
    "one_of_not_null": count_rows(_one_of_not_null),
    "rejected_values": count_rows(_rejected_values),
    "value_between": count_rows(_value_between),
}
