"""Rules from a Great Expectations suite.

An expectation about values leaves out rows without one, as rule types here do. What `mostly` allows
is a share of the rows that have a value, while a threshold here is a share of all rows: so it
becomes a threshold only where the expectation itself counts all rows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

from gatekeeper.configuration.document import Document, RuleDocument
from gatekeeper.configuration.imports.imported import (
    Arguments,
    Draft,
    Imported,
    Unfaithful,
    Unmapped,
    build_gate,
    build_rules,
    given,
    is_number,
    percent,
    read_words,
)
from gatekeeper.domain.errors import InvalidConfiguration, Problem
from gatekeeper.domain.rule import Severity

Mapper = Callable[[Arguments], list[Draft]]

# How an expectation is run and reported, not what it expects.
_ABOUT_THE_RUN = ("result_format", "catch_exceptions", "include_config", "batch_id")

_REASONS = {
    "mostly": "its mostly is no share of all rows, which a threshold here is",
    "row_condition": "its row_condition bounds the rows; a rule judges all of the batch",
    "ignore_row_if": "its ignore_row_if treats missing values in another way than we do",
}

_SEVERITIES = {"critical": Severity.ERROR, "warning": Severity.WARN, "info": Severity.WARN}

_FOREIGN_REGEX = re.compile(r"\(\?(?!:)|\(\*|\\[^\WdswDSW]|[*+?}]\+|^\*\*\*")
"""What dialects of regular expressions have each in their own way: modes, lookaround, named groups,
back references, possessive repeats, escapes other than those of classes and of punctuation."""


@dataclass(frozen=True)
class _Expectation:
    """One expectation of a suite; `what` is how it is called where it can't be mapped."""

    what: str
    type: str
    kwargs: Mapping[str, Any]
    content: Mapping[str, Any]


def import_suite(suite: dict[str, Any], warehouse: str, table: str) -> Imported:
    """Make a gate of a suite; raises InvalidConfiguration for what is no suite."""
    rules: list[RuleDocument] = []
    unmapped: list[Unmapped] = []
    taken: set[str] = set()
    for expectation in _parse_suite(suite):
        try:
            rules += build_rules(_map(expectation), _terms(expectation.content), taken)
        except Unfaithful as reason:
            unmapped.append(Unmapped(expectation.what, str(reason)))
        else:
            if expectation.content.get("severity") == "info":
                why = "there is none below warn, so the rule has that"
                unmapped.append(Unmapped(f"{expectation.what}, severity info", why))
    gate = build_gate(warehouse, table, rules)
    return Imported(Document(gates=[gate] if rules else []), tuple(unmapped))


def _parse_suite(suite: Any) -> list[_Expectation]:
    listed = suite.get("expectations") if isinstance(suite, dict) else None
    if not isinstance(listed, list):
        reason = "no expectation suite; one has a list of expectations"
        raise InvalidConfiguration([Problem("(file)", reason)])
    problems = [
        Problem(f"expectations.{number}", "no expectation; one has a type and kwargs")
        for number, each in enumerate(listed)
        if not _is_expectation(each)
    ]
    if problems:
        raise InvalidConfiguration(problems)
    return [_parse_expectation(number, each) for number, each in enumerate(listed)]


def _is_expectation(content: Any) -> bool:
    return (
        isinstance(content, dict)
        and isinstance(content.get("type", content.get("expectation_type")), str)
        and isinstance(content.get("kwargs", {}), dict)
    )


def _parse_expectation(number: int, content: Mapping[str, Any]) -> _Expectation:
    name = content.get("type", content.get("expectation_type"))
    kwargs = content.get("kwargs", {})
    column = f" of {kwargs['column']}" if isinstance(kwargs.get("column"), str) else ""
    return _Expectation(f"expectations.{number} {name}{column}", name, kwargs, content)


def _terms(content: Mapping[str, Any]) -> dict[str, Any]:
    """The rule's severity, description and words, as the expectation gives them."""
    severity = content.get("severity") or "critical"
    if severity not in list(_SEVERITIES):
        raise Unfaithful(f"its severity {severity!r} is none that we know")
    meta = content.get("meta")
    return {
        **({} if severity == "critical" else {"severity": _SEVERITIES[severity].value}),
        **read_words(meta),
        "description": content.get("description") or _notes(meta),
    }


def _notes(meta: Any) -> str:
    """The notes that a suite keeps beside an expectation: text, or text with its format."""
    notes = meta.get("notes") if isinstance(meta, Mapping) else None
    content = notes.get("content") if isinstance(notes, Mapping) else notes
    lines = content if isinstance(content, list) else [content]
    return "\n".join(line for line in lines if isinstance(line, str))


def _map(expectation: _Expectation) -> list[Draft]:
    """Give the rules that together mean the same."""
    mapper = _MAPPERS.get(expectation.type)
    if mapper is None:
        raise Unfaithful("no rule type means the same")
    kwargs = {k: v for k, v in expectation.kwargs.items() if k not in _ABOUT_THE_RUN}
    if "row_condition" not in kwargs:
        kwargs.pop("condition_parser", None)
    if is_number(kwargs.get("mostly")) and kwargs["mostly"] == 1:
        del kwargs["mostly"]
    arguments = Arguments(kwargs)
    drafts = mapper(arguments)
    for name in arguments.left():
        raise Unfaithful(_REASONS.get(name, f"its {name} has no counterpart here"))
    return drafts


def _allowed(arguments: Arguments) -> Decimal:
    """The share that `mostly` lets fail: 0.05 for 0.95, exactly."""
    mostly = arguments.number("mostly")
    if mostly is None:
        return Decimal(0)
    if not 0 <= mostly <= 1:
        raise Unfaithful("its mostly is no share")
    return 1 - Decimal(str(mostly))


def _of_column(type_: str, arguments: Arguments, **parameters: Any) -> list[Draft]:
    column = arguments.text("column")
    return [Draft(type_, (column,), {"column": column, **parameters})]


def _not_null(arguments: Arguments) -> list[Draft]:
    column, allowed = arguments.text("column"), 100 * _allowed(arguments)
    if allowed != round(allowed, 6):
        raise Unfaithful("its mostly has more digits than a threshold can have")
    above = f"{allowed.normalize():f}%" if allowed else None
    return [Draft("not_null", (column,), {"column": column}, above)]


def _null(arguments: Arguments) -> list[Draft]:
    return _of_column("not_null_percent", arguments, max=percent(_allowed(arguments)))


def _unique(arguments: Arguments) -> list[Draft]:
    column = arguments.text("column")
    return [Draft("unique", (column,), {"columns": [column]})]


def _unique_together(arguments: Arguments) -> list[Draft]:
    columns = arguments.texts("column_list")
    if arguments.take("ignore_row_if") != "any_value_is_missing":
        raise Unfaithful(_REASONS["ignore_row_if"])
    return [Draft("unique", tuple(columns), {"columns": columns})]


def _in_set(arguments: Arguments) -> list[Draft]:
    values = arguments.values("value_set")
    if allowed := _allowed(arguments):
        return _of_column("share_between", arguments, values=values, min=percent(1 - allowed))
    return _of_column("accepted_values", arguments, values=values)


def _not_in_set(arguments: Arguments) -> list[Draft]:
    values = arguments.values("value_set")
    if allowed := _allowed(arguments):
        return _of_column("share_between", arguments, values=values, max=percent(allowed))
    return _of_column("rejected_values", arguments, values=values)


def _distinct_in_set(arguments: Arguments) -> list[Draft]:
    return _of_column("accepted_values", arguments, values=arguments.values("value_set"))


def _bounds(arguments: Arguments) -> dict[str, Any]:
    """Take bounds that are both included: numbers, or texts in the column's own type."""
    for name in ("strict_min", "strict_max"):
        if arguments.flag(name):
            raise Unfaithful(f"its {name} leaves out the bound itself; here it is included")
    bounds = given(min=arguments.take("min_value"), max=arguments.take("max_value"))
    if not bounds:
        raise Unfaithful("it has no bounds")
    if not all(isinstance(bound, str) or is_number(bound) for bound in bounds.values()):
        raise Unfaithful("its bounds are neither numbers nor texts")
    return bounds


def _count_bounds(arguments: Arguments) -> dict[str, Any]:
    """Take bounds of a whole number: above 3 is the same as from 4 on."""
    low, high = arguments.count("min_value"), arguments.count("max_value")
    strict_low, strict_high = arguments.flag("strict_min"), arguments.flag("strict_max")
    bounds = given(
        min=None if low is None else low + strict_low,
        max=None if high is None else high - strict_high,
    )
    if not bounds:
        raise Unfaithful("it has no bounds")
    return bounds


def _exact_count(arguments: Arguments) -> dict[str, Any]:
    value = arguments.count("value")
    if value is None:
        raise Unfaithful("it has no value")
    return {"min": value, "max": value}


def _bounded(
    type_: str, bounds: Callable[[Arguments], dict[str, Any]], arguments: Arguments
) -> list[Draft]:
    return _of_column(type_, arguments, **bounds(arguments))


def _row_count(bounds: Callable[[Arguments], dict[str, Any]], arguments: Arguments) -> list[Draft]:
    return [Draft("row_count_between", (), bounds(arguments))]


def _some_value(column: str) -> Draft:
    """An aggregate over no values is no success there, and nothing that fails here."""
    return Draft("distinct_count_between", (column,), {"column": column, "min": 1})


def _aggregate(name: str, arguments: Arguments) -> list[Draft]:
    column = arguments.text("column")
    parameters = {"column": column, "aggregate": name, **_bounds(arguments)}
    return [Draft("aggregate_between", (name, column), parameters), _some_value(column)]


def _unique_proportion(arguments: Arguments) -> list[Draft]:
    column = arguments.text("column")
    bounds = _bounds(arguments)
    low = bounds.get("min")
    if bounds.get("max", 1) != 1 or not is_number(low) or not 0 <= low <= 1:
        raise Unfaithful("only a lower bound of the share of different values is known here")
    parameters = {"columns": [column], "max": percent(1 - Decimal(str(low)))}
    return [Draft("duplicate_percent", (column,), parameters), _some_value(column)]


def _regex(type_: str, arguments: Arguments) -> list[Draft]:
    pattern = arguments.text("regex")
    if _FOREIGN_REGEX.search(pattern):
        raise Unfaithful("its regex means something else from one dialect to the next")
    return _of_column(type_, arguments, pattern=pattern)


def _column_exists(arguments: Arguments) -> list[Draft]:
    column = arguments.text("column")
    return [Draft("columns_present", (column,), {"columns": [column]})]


def _column_set(arguments: Arguments) -> list[Draft]:
    columns = arguments.texts("column_set")
    if not arguments.flag("exact_match", default=True):
        return [Draft("columns_present", (), {"columns": columns})]
    named = [{"name": column} for column in columns]
    return [Draft("schema_matches", (), {"columns": named, "ordered": False})]


def _column_list(arguments: Arguments) -> list[Draft]:
    named = [{"name": column} for column in arguments.texts("column_list")]
    return [Draft("schema_matches", (), {"columns": named})]


def _compare(arguments: Arguments, operator: str) -> list[Draft]:
    left, right = arguments.text("column_A"), arguments.text("column_B")
    if arguments.take("ignore_row_if") != "either_value_is_missing":
        raise Unfaithful(_REASONS["ignore_row_if"])
    parameters = {"left": left, "operator": operator, "right": right}
    return [Draft("columns_compare", (left, right), parameters)]


def _greater(arguments: Arguments) -> list[Draft]:
    return _compare(arguments, ">=" if arguments.flag("or_equal") else ">")


_MAPPERS: dict[str, Mapper] = {
    "expect_column_values_to_not_be_null": _not_null,
    "expect_column_values_to_be_null": _null,
    "expect_column_values_to_be_unique": _unique,
    "expect_compound_columns_to_be_unique": _unique_together,
    "expect_column_values_to_be_in_set": _in_set,
    "expect_column_values_to_not_be_in_set": _not_in_set,
    "expect_column_distinct_values_to_be_in_set": _distinct_in_set,
    "expect_column_values_to_be_between": partial(_bounded, "value_between", _bounds),
    "expect_column_value_lengths_to_be_between": partial(_bounded, "length_between", _count_bounds),
    "expect_column_value_lengths_to_equal": partial(_bounded, "length_between", _exact_count),
    "expect_column_values_to_match_regex": partial(_regex, "matches_regex"),
    "expect_column_values_to_not_match_regex": partial(_regex, "not_matches_regex"),
    "expect_column_unique_value_count_to_be_between": partial(
        _bounded, "distinct_count_between", _count_bounds
    ),
    "expect_column_proportion_of_unique_values_to_be_between": _unique_proportion,
    "expect_column_min_to_be_between": partial(_aggregate, "min"),
    "expect_column_max_to_be_between": partial(_aggregate, "max"),
    "expect_column_mean_to_be_between": partial(_aggregate, "avg"),
    "expect_column_sum_to_be_between": partial(_aggregate, "sum"),
    "expect_column_median_to_be_between": partial(_aggregate, "median"),
    "expect_column_to_exist": _column_exists,
    "expect_table_columns_to_match_set": _column_set,
    "expect_table_columns_to_match_ordered_list": _column_list,
    "expect_table_row_count_to_be_between": partial(_row_count, _count_bounds),
    "expect_table_row_count_to_equal": partial(_row_count, _exact_count),
    "expect_column_pair_values_a_to_be_greater_than_b": _greater,
    "expect_column_pair_values_to_be_equal": partial(_compare, operator="="),
}
"""The expectations that a rule type, or two together, mean."""
