"""The catalogue: what a rule type's file must say, and what its parameters let through."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gatekeeper.catalogue.rule_types import check_parameters, load_rule_types
from gatekeeper.domain.rule import RuleType, Shape
from gatekeeper.settings import ROOT

FRONT_MATTER = """{#---
description: Something.
dimension: validity
entity: column
shape: row
parameters:
  required: [column]
  properties:
    column: {$ref: "#/$defs/column"}
example: {column: a}
---#}
{% macro sx_new() %}{% endmacro %}
"""


def test_every_file_is_a_rule_type(rule_types: dict[str, RuleType]) -> None:
    files = {path.stem for path in (ROOT / "stringx" / "rule_types").glob("*.sql")}
    assert set(rule_types) == files
    assert len(files) >= 35


def test_every_rule_type_has_its_generic_test(rule_types: dict[str, RuleType]) -> None:
    for name in rule_types:
        text = (ROOT / "stringx" / "rule_types" / f"{name}.sql").read_text("utf-8")
        assert f"{{% test sx_{name}(model, rule_id) %}}" in text


def test_a_shape_says_what_its_macro_takes(rule_types: dict[str, RuleType]) -> None:
    """A predicate and an aggregate know no table, so that one scan may hold several."""
    for name, rule_type in rule_types.items():
        text = (ROOT / "stringx" / "rule_types" / f"{name}.sql").read_text("utf-8")
        takes = "rule, model" if rule_type.shape is Shape.QUERY else "rule"
        assert f"{{% macro sx_{name}({takes}) %}}" in text


def test_a_file_dropped_in_is_a_rule_type(tmp_path: Path) -> None:
    (tmp_path / "new.sql").write_text(FRONT_MATTER)
    assert load_rule_types(tmp_path)["new"].shape is Shape.ROW


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ("{% macro x() %}{% endmacro %}", "opens with a comment"),
        (FRONT_MATTER.replace("shape: row\n", ""), "shape is missing"),
        (FRONT_MATTER.replace("shape: row", "shape: round"), "round"),
        (FRONT_MATTER.replace("example: {column: a}", "example: {}"), "example"),
    ],
)
def test_a_file_that_is_none_is_named(tmp_path: Path, wrong: str, reason: str) -> None:
    (tmp_path / "new.sql").write_text(wrong)
    with pytest.raises(ValueError, match=reason):
        load_rule_types(tmp_path)


@pytest.mark.parametrize(
    ("type_", "parameters", "path"),
    [
        ("not_null", {}, "p"),
        ("not_null", {"column": ""}, "p.column"),
        ("not_null", {"column": 5}, "p.column"),
        ("not_null", {"column": "a\x00"}, "p.column"),
        ("not_null", {"column": "a", "colour": "red"}, "p"),
        ("unique", {"columns": []}, "p.columns"),
        ("unique", {"columns": ["a", "a"]}, "p.columns"),
        ("accepted_values", {"column": "a", "values": [None]}, "p.values.0"),
        ("accepted_values", {"column": "a", "values": [{"x": 1}]}, "p.values.0"),
        ("value_between", {"column": "a"}, "p"),
        ("value_between", {"column": "a", "min": True}, "p.min"),
        ("relationships", {"column": "a", "to": "b", "field": "c"}, "p.to"),
        ("relationships", {"column": "a", "to": "a.b.c", "field": "c"}, "p.to"),
        ("expression", {"expression": ""}, "p.expression"),
        ("row_count_between", {}, "p"),
        ("row_count_between", {"min": -1}, "p.min"),
        ("not_null_percent", {"column": "a", "min": 100.5}, "p.min"),
        ("castable_to", {"column": "a", "type": "boolean"}, "p.type"),
        ("matches_regex", {"column": "a", "pattern": "a" * 1001}, "p.pattern"),
        ("one_of_not_null", {"columns": ["a"]}, "p.columns"),
        ("not_in_future", {"column": "a", "grace": 1}, "p"),
        ("aggregate_between", {"column": "a", "aggregate": "quantile", "min": 1}, "p"),
        ("aggregate_between", {"column": "a", "aggregate": "avg", "quantile": 0, "min": 1}, "p"),
        ("schema_matches", {"columns": [{"name": "a", "size": 1}]}, "p.columns.0"),
        ("freshness", {"column": "a", "max": 1, "unit": "weeks"}, "p.unit"),
    ],
)
def test_bad_parameters_are_named(
    rule_types: dict[str, RuleType], type_: str, parameters: dict[str, Any], path: str
) -> None:
    problems = list(check_parameters(rule_types[type_], parameters, "p"))
    assert [problem.path for problem in problems] == [path]
    assert problems[0].reason


def test_reasons_are_for_people(rule_types: dict[str, RuleType]) -> None:
    between = rule_types["value_between"]
    (neither,) = check_parameters(between, {"column": "a"}, "p")
    assert neither.reason == "needs 'min' or 'max'"
    (odd,) = check_parameters(between, {"column": "a", "min": []}, "p")
    assert odd.reason == "must be a number, or text in the column's own type, such as a date"
