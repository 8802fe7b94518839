"""Rules from elsewhere mean the same here, or it is said that they don't."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from app import cli
from gatekeeper.configuration.check import check_document
from gatekeeper.configuration.document import RuleDocument
from gatekeeper.configuration.imports.dbt_manifest import import_manifest
from gatekeeper.configuration.imports.great_expectations import import_suite
from gatekeeper.configuration.imports.imported import Imported, confirm, parse_json
from gatekeeper.configuration.text import parse_document, render_document
from gatekeeper.domain.errors import InvalidConfiguration
from gatekeeper.domain.rule import RuleType

RuleTypes = dict[str, RuleType]


def rules_of(imported: Imported, rule_types: RuleTypes) -> list[RuleDocument]:
    """The one gate's rules, once they have been seen to be rules that apply takes."""
    document = imported.document
    assert list(check_document(document, rule_types, ["w"])) == []
    assert parse_document(render_document(document)) == document.sorted()
    return document.gates[0].rules if document.gates else []


def brief(rules: list[RuleDocument]) -> list[tuple[str, dict[str, Any]]]:
    return [(rule.type, rule.parameters) for rule in rules]


def suite(*expectations: dict[str, Any]) -> dict[str, Any]:
    return {"name": "s", "expectations": list(expectations)}


def expect(what: str, **kwargs: Any) -> dict[str, Any]:
    return {"type": f"expect_{what}", "kwargs": kwargs}


SOME = ("distinct_count_between", {"column": "c", "min": 1})
EITHER = {"ignore_row_if": "either_value_is_missing"}


@pytest.mark.parametrize(
    ("expectation", "rules"),
    [
        (expect("column_values_to_not_be_null", column="c"), [("not_null", {"column": "c"})]),
        (
            expect("column_values_to_be_null", column="c", mostly=0.9),
            [("not_null_percent", {"column": "c", "max": 10})],
        ),
        (expect("column_values_to_be_unique", column="c"), [("unique", {"columns": ["c"]})]),
        (
            expect(
                "compound_columns_to_be_unique",
                column_list=["a", "b"],
                ignore_row_if="any_value_is_missing",
            ),
            [("unique", {"columns": ["a", "b"]})],
        ),
        (
            expect("column_values_to_be_in_set", column="c", value_set=["a", "b"]),
            [("accepted_values", {"column": "c", "values": ["a", "b"]})],
        ),
        (
            expect("column_values_to_be_in_set", column="c", value_set=[1, 2], mostly=0.95),
            [("share_between", {"column": "c", "values": [1, 2], "min": 95})],
        ),
        (
            expect("column_values_to_not_be_in_set", column="c", value_set=["a"], mostly=0.995),
            [("share_between", {"column": "c", "values": ["a"], "max": 0.5})],
        ),
        (
            expect("column_values_to_not_be_in_set", column="c", value_set=["a"], mostly=1.0),
            [("rejected_values", {"column": "c", "values": ["a"]})],
        ),
        (
            expect("column_distinct_values_to_be_in_set", column="c", value_set=[True]),
            [("accepted_values", {"column": "c", "values": [True]})],
        ),
        (
            expect("column_values_to_be_between", column="c", min_value=0, strict_min=False),
            [("value_between", {"column": "c", "min": 0})],
        ),
        (
            expect("column_values_to_be_between", column="c", max_value="2024-01-01"),
            [("value_between", {"column": "c", "max": "2024-01-01"})],
        ),
        (
            expect("column_value_lengths_to_be_between", column="c", min_value=1, strict_min=True),
            [("length_between", {"column": "c", "min": 2})],
        ),
        (
            expect("column_value_lengths_to_equal", column="c", value=3),
            [("length_between", {"column": "c", "min": 3, "max": 3})],
        ),
        (
            expect("column_values_to_match_regex", column="c", regex=r"^N\d{1,5}(?:a|b)\.$"),
            [("matches_regex", {"column": "c", "pattern": r"^N\d{1,5}(?:a|b)\.$"})],
        ),
        (
            expect("column_values_to_not_match_regex", column="c", regex="[a-z]"),
            [("not_matches_regex", {"column": "c", "pattern": "[a-z]"})],
        ),
        (
            expect("column_unique_value_count_to_be_between", column="c", min_value=1, max_value=3),
            [("distinct_count_between", {"column": "c", "min": 1, "max": 3})],
        ),
        (
            expect("column_proportion_of_unique_values_to_be_between", column="c", min_value=0.7),
            [("duplicate_percent", {"columns": ["c"], "max": 30}), SOME],
        ),
        *(
            (
                expect(f"column_{name}_to_be_between", column="c", min_value=1, max_value=9.5),
                [
                    (
                        "aggregate_between",
                        {"column": "c", "aggregate": aggregate, "min": 1, "max": 9.5},
                    ),
                    SOME,
                ],
            )
            for name, aggregate in [
                ("min", "min"),
                ("max", "max"),
                ("mean", "avg"),
                ("sum", "sum"),
                ("median", "median"),
            ]
        ),
        (expect("column_to_exist", column="c"), [("columns_present", {"columns": ["c"]})]),
        (
            expect("table_columns_to_match_set", column_set=["b", "a"]),
            [("schema_matches", {"columns": [{"name": "b"}, {"name": "a"}], "ordered": False})],
        ),
        (
            expect("table_columns_to_match_set", column_set=["b"], exact_match=False),
            [("columns_present", {"columns": ["b"]})],
        ),
        (
            expect("table_columns_to_match_ordered_list", column_list=["b", "a"]),
            [("schema_matches", {"columns": [{"name": "b"}, {"name": "a"}]})],
        ),
        (
            expect("table_row_count_to_be_between", max_value=9, strict_max=True),
            [("row_count_between", {"max": 8})],
        ),
        (
            expect("table_row_count_to_equal", value=9),
            [("row_count_between", {"min": 9, "max": 9})],
        ),
        (
            expect(
                "column_pair_values_a_to_be_greater_than_b", column_A="a", column_B="b", **EITHER
            )
            | {"severity": "critical"},
            [("columns_compare", {"left": "a", "operator": ">", "right": "b"})],
        ),
        (
            expect("column_pair_values_to_be_equal", column_A="a", column_B="b", **EITHER),
            [("columns_compare", {"left": "a", "operator": "=", "right": "b"})],
        ),
        (
            {"expectation_type": "expect_column_to_exist", "kwargs": {"column": "c"}, "meta": {}},
            [("columns_present", {"columns": ["c"]})],
        ),
        (
            expect(
                "column_values_to_not_be_null",
                column="c",
                mostly=None,
                batch_id="b",
                result_format="BASIC",
                condition_parser="pandas",
            ),
            [("not_null", {"column": "c"})],
        ),
    ],
)
def test_expectations_become_rules_that_mean_the_same(
    expectation: dict[str, Any], rules: list[Any], rule_types: RuleTypes
) -> None:
    imported = import_suite(suite(expectation), "w", "s.t")
    assert imported.unmapped == ()
    assert brief(rules_of(imported, rule_types)) == rules


@pytest.mark.parametrize(
    ("mostly", "severity", "terms"),
    [
        (0.95, "critical", ("error", "5%", "5%")),
        (0.999, None, ("error", "0.1%", "0.1%")),
        (0, "critical", ("error", "100%", "100%")),
        (1, "critical", ("error", "0", "0")),
        (0.95, "warning", ("warn", "5%", "0")),
    ],
)
def test_mostly_of_all_rows_is_a_threshold(
    mostly: float, severity: str, terms: tuple[str, ...], rule_types: RuleTypes
) -> None:
    expectation = expect("column_values_to_not_be_null", column="c", mostly=mostly)
    imported = import_suite(suite(expectation | {"severity": severity}), "w", "s.t")
    [rule] = rules_of(imported, rule_types)
    assert (rule.severity, rule.warn_above, rule.error_above) == terms


@pytest.mark.parametrize(
    ("expectation", "why"),
    [
        (expect("column_values_to_be_between", column="c", min_value=0, mostly=0.9), "mostly"),
        (expect("column_values_to_be_unique", column="c", mostly=0.9), "mostly"),
        (expect("column_values_to_not_be_null", column="c", mostly=0.12345678901), "digits"),
        (expect("column_values_to_not_be_null", column="c", mostly=1.5), "no share"),
        (expect("column_values_to_not_be_null", column="c", mostly={"$PARAMETER": "x"}), "mostly"),
        (expect("column_values_to_not_be_null", column="c", row_condition="a>1"), "row_condition"),
        (expect("column_values_to_not_be_null", column="c", unheard_of=1), "unheard_of"),
        (expect("column_values_to_not_be_null"), "column"),
        (expect("column_values_to_not_be_null", column=3), "column"),
        (
            expect("column_values_to_be_between", column="c", min_value=0, strict_min=True),
            "strict_min",
        ),
        (expect("column_values_to_be_between", column="c"), "no bounds"),
        (expect("column_values_to_be_between", column="c", min_value=float("inf")), "neither"),
        (expect("column_values_to_be_between", column="c", min_value={"$PARAMETER": "x"}), "neith"),
        (expect("column_values_to_be_in_set", column="c", value_set=[1, "a"]), "numbers alone"),
        (expect("column_values_to_be_in_set", column="c", value_set=["a", None]), "numbers alone"),
        (expect("column_values_to_be_in_set", column="c", value_set=[]), "no list"),
        (expect("column_values_to_match_regex", column="c", regex="(?i)a"), "dialect"),
        (expect("column_values_to_match_regex", column="c", regex=r"a\b"), "dialect"),
        (expect("column_values_to_match_regex", column="c", regex=r"(a)\1"), "dialect"),
        (expect("column_value_lengths_to_be_between", column="c", min_value=1.5), "whole"),
        (expect("column_to_exist", column="c", column_index=2), "column_index"),
        (expect("compound_columns_to_be_unique", column_list=["a", "b"]), "missing values"),
        (
            expect("column_pair_values_a_to_be_greater_than_b", column_A="a", column_B="b"),
            "missing values",
        ),
        (
            expect("column_proportion_of_unique_values_to_be_between", column="c", max_value=0.5),
            "lower bound",
        ),
        (expect("column_stdev_to_be_between", column="c", min_value=1), "no rule type"),
        ({"type": "unexpected_rows_expectation", "kwargs": {"q": "select"}}, "no rule type"),
        (expect("column_to_exist", column="c") | {"severity": "fatal"}, "severity"),
        (expect("column_to_exist", column="c") | {"description": "a\x00"}, "NUL"),
    ],
)
def test_what_would_mean_something_else_is_said(expectation: dict[str, Any], why: str) -> None:
    imported = import_suite(suite(expectation), "w", "s.t")
    assert imported.document.gates == []
    [unmapped] = imported.unmapped
    assert why in unmapped.why
    assert str(unmapped).startswith("expectations.0 ")
    assert "\n" not in str(unmapped)


def test_an_expectations_words_are_kept(rule_types: RuleTypes) -> None:
    words = {"dimension": "accuracy", "kind": "business", "notes": {"content": ["why", "not"]}}
    others = {"dimension": "beauty", "kind": ["business"]}
    expectation = expect("column_values_to_not_be_null", column="c")
    imported = import_suite(
        suite(
            expectation | {"severity": "info", "meta": words},
            expectation | {"description": "so", "meta": others},
        ),
        "w",
        "s.t",
    )
    first, second = rules_of(imported, rule_types)
    assert (first.dimension, first.kind, first.description) == ("accuracy", "business", "why\nnot")
    assert (second.dimension, second.kind, second.description) == (None, "engineering", "so")
    assert (first.severity, second.severity) == ("warn", "error")
    [info] = imported.unmapped
    assert "severity info" in info.what


def test_names_are_safe_and_unique(rule_types: RuleTypes) -> None:
    columns = ["a b", "a-b", "A.b", "é", "x" * 80, "x" * 81, "a_b_2"]
    expectations = [expect("column_values_to_not_be_null", column=each) for each in columns]
    imported = import_suite(suite(*expectations), "w", "s.t")
    assert [rule.name for rule in rules_of(imported, rule_types)] == [
        "not_null_a_b",
        "not_null_a_b_2",
        "not_null_a_b_3",
        "not_null",
        "not_null_" + "x" * 54,
        "not_null_" + "x" * 52 + "_2",
        "not_null_a_b_2_2",
    ]


def test_what_apply_would_refuse_is_left_out(rule_types: RuleTypes) -> None:
    imported = import_suite(
        suite(
            expect("column_values_to_not_be_null", column="c" * 300),
            expect("table_row_count_to_be_between", min_value=-1),
            expect("column_to_exist", column="c"),
        ),
        "w",
        "s.t",
    )
    confirmed = confirm(imported, rule_types)
    assert [rule.type for rule in rules_of(confirmed, rule_types)] == ["columns_present"]
    assert [each.why.partition(":")[0] for each in confirmed.unmapped] == [
        "parameters.column",
        "parameters.min",
    ]


@pytest.mark.parametrize(
    ("content", "path"),
    [
        ([], "(file)"),
        ({}, "(file)"),
        ({"expectations": {}}, "(file)"),
        ({"expectations": [{"kwargs": {}}]}, "expectations.0"),
        ({"expectations": [{"type": "expect_x", "kwargs": []}]}, "expectations.0"),
        ({"expectations": [3]}, "expectations.0"),
    ],
)
def test_what_is_no_suite_is_refused(content: Any, path: str) -> None:
    with pytest.raises(InvalidConfiguration) as error:
        import_suite(content, "w", "s.t")
    assert [problem.path for problem in error.value.problems] == [path]


ON = "model.p.orders"
WAREHOUSE_NODES: dict[str, dict[str, Any]] = {
    ON: {"resource_type": "model", "database": "d", "schema": "shop", "alias": "orders"},
    "model.p.other": {"resource_type": "model", "database": "e", "schema": "shop", "alias": "o"},
    "model.p.soft": {
        "resource_type": "model",
        "schema": "shop",
        "alias": "soft",
        "config": {"materialized": "ephemeral"},
    },
    "model.p.dotted": {"resource_type": "model", "schema": "shop", "alias": "a.b"},
    "seed.p.twice": {"resource_type": "seed", "database": "d", "schema": "s", "alias": "twice"},
    "model.p.twice": {"resource_type": "model", "database": "e", "schema": "s", "alias": "twice"},
}
SOURCES = {
    "source.p.raw.people": {
        "resource_type": "source",
        "database": "d",
        "schema": "landing",
        "identifier": "people_v1",
        "columns": {"code": {"data_type": "VARCHAR(3)"}, "id": {"data_type": "integer"}},
    }
}


def node(
    name: str, config: dict[str, Any] | None = None, more: dict[str, Any] | None = None, **kw: Any
) -> dict[str, Any]:
    """A test node of a manifest; `name` may have a package."""
    package, _, plain = name.rpartition(".")
    metadata = {"name": plain, "namespace": package or None, "kwargs": {"model": "{{ m }}", **kw}}
    return {
        "resource_type": "test",
        "test_metadata": metadata,
        "attached_node": ON,
        "depends_on": {
            "macros": [f"macro.{package or 'dbt'}.test_{plain}"],
            "nodes": [ON, "source.p.raw.people"],
        },
        "config": config or {},
        **(more or {}),
    }


def manifest(*tests: dict[str, Any], adapter: str = "postgres") -> dict[str, Any]:
    return {
        "metadata": {
            "dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json",
            "adapter_type": adapter,
        },
        "nodes": WAREHOUSE_NODES | {f"test.p.{n}": each for n, each in enumerate(tests)},
        "sources": SOURCES,
    }


PEOPLE = {"attached_node": "source.p.raw.people"}


@pytest.mark.parametrize(
    ("test", "rule"),
    [
        (node("not_null", column_name="Id"), ("not_null", {"column": "id"})),
        (node("not_null", column_name='"I""d"'), ("not_null", {"column": 'I"d'})),
        (node("unique", column_name="id"), ("unique", {"columns": ["id"]})),
        (
            node("accepted_values", column_name="c", values=["a", "b"]),
            ("accepted_values", {"column": "c", "values": ["a", "b"]}),
        ),
        (
            node("accepted_values", column_name="c", values=[1, 2], quote=False),
            ("accepted_values", {"column": "c", "values": [1, 2]}),
        ),
        (
            node("accepted_values", column_name="c", values=["'a'"], quote=False),
            ("accepted_values", {"column": "c", "values": ["a"]}),
        ),
        (
            node("accepted_values", more=PEOPLE, column_name="code", values=[1, 2]),
            ("accepted_values", {"column": "code", "values": ["1", "2"]}),
        ),
        (
            node("relationships", column_name="c", to="source('raw', 'people')", field="Id"),
            ("relationships", {"column": "c", "to": "landing.people_v1", "field": "id"}),
        ),
        (
            node("relationships", column_name="c", to='{{ ref("orders") }}', field="id"),
            ("relationships", {"column": "c", "to": "shop.orders", "field": "id"}),
        ),
        (
            node("dbt_utils.expression_is_true", expression="a > b"),
            ("expression", {"expression": "a > b"}),
        ),
        (
            node("dbt_utils.expression_is_true", column_name="c", expression="> 0"),
            ("expression", {"expression": "c > 0"}),
        ),
        (
            node(
                "dbt_utils.accepted_range", column_name="c", min_value=0, max_value="'2024-01-01'"
            ),
            ("value_between", {"column": "c", "min": 0, "max": "2024-01-01"}),
        ),
        (
            node("dbt_utils.unique_combination_of_columns", combination_of_columns=["A", '"B"']),
            ("unique_combination", {"columns": ["a", "B"]}),
        ),
        (
            node("dbt_utils.not_null_proportion", column_name="c", at_least=0.57),
            ("not_null_percent", {"column": "c", "min": 57, "max": 100}),
        ),
        (
            node("dbt_utils.not_accepted_values", column_name="c", values=["x"]),
            ("rejected_values", {"column": "c", "values": ["x"]}),
        ),
        (
            node("dbt_utils.at_least_one", column_name="c"),
            ("distinct_count_between", {"column": "c", "min": 1}),
        ),
        (
            node("dbt_utils.not_empty_string", column_name="c", trim_whitespace=False),
            ("length_between", {"column": "c", "min": 1}),
        ),
    ],
)
def test_generic_tests_become_rules_that_mean_the_same(
    test: dict[str, Any], rule: tuple[str, Any], rule_types: RuleTypes
) -> None:
    imported = import_manifest(manifest(test), "w")
    assert imported.unmapped == ()
    assert brief(rules_of(imported, rule_types)) == [rule]


@pytest.mark.parametrize(
    ("config", "terms"),
    [
        ({}, ("error", "0", "0")),
        ({"severity": "ERROR", "warn_if": "!= 0", "error_if": "> 10"}, ("error", "0", "10")),
        ({"warn_if": ">5", "error_if": ">= 10", "limit": 100}, ("error", "5", "9")),
        ({"severity": "WARN", "warn_if": ">= 1", "error_if": "< 3"}, ("warn", "0", "0")),
        ({"severity": "warn", "warn_if": "> 3"}, ("warn", "3", "0")),
    ],
)
def test_severity_and_conditions_become_thresholds(
    config: dict[str, Any], terms: tuple[str, ...], rule_types: RuleTypes
) -> None:
    imported = import_manifest(manifest(node("not_null", config, column_name="c")), "w")
    [rule] = rules_of(imported, rule_types)
    assert (rule.severity, rule.warn_above, rule.error_above) == terms


def attached(to: str) -> dict[str, Any]:
    return {"attached_node": to}


@pytest.mark.parametrize(
    ("test", "why"),
    [
        (node("not_null", {"where": "a > 1"}, column_name="c"), "where"),
        (node("not_null", {"fail_calc": "sum(n)"}, column_name="c"), "fail_calc"),
        (node("not_null", {"error_if": "< 3"}, column_name="c"), "< 3"),
        (node("not_null", {"error_if": ">= 0"}, column_name="c"), ">= 0"),
        (node("not_null", {"error_if": "> 9999999999999"}, column_name="c"), "99"),
        (node("not_null", {"error_if": "> 10", "limit": 5}, column_name="c"), "limit"),
        (node("not_null", column_name="lower(c)"), "no plain column"),
        (node("not_null", column_name="c", unheard_of=1), "unheard_of"),
        (node("not_null"), "column_name"),
        (node("accepted_values", {"error_if": "> 1"}, column_name="c", values=["a"]), "counts"),
        (node("accepted_values", column_name="c", values=[1]), "quote: false"),
        (node("accepted_values", column_name="c", values=["1"]), "quote: false"),
        (node("accepted_values", column_name="c", values=[True]), "quote: false"),
        (node("accepted_values", more=PEOPLE, column_name="id", values=[1]), "quote: false"),
        (node("accepted_values", column_name="c", values=["it's"]), "quotes"),
        (node("accepted_values", column_name="c", values=["now()"], quote=False), "SQL"),
        (node("relationships", column_name="c", to="a.b", field="id"), "no ref"),
        (node("relationships", column_name="c", to="ref('nobody')", field="id"), "doesn't tell"),
        (
            node(
                "relationships",
                more={"depends_on": {"nodes": [ON, "model.p.other"]}},
                column_name="c",
                to="ref('other')",
                field="id",
            ),
            "another database",
        ),
        (node("dbt_utils.expression_is_true", expression="a > {{ var('x') }}"), "Jinja"),
        (node("dbt_utils.accepted_range", column_name="c", min_value="now()"), "SQL"),
        (
            node("dbt_utils.accepted_range", column_name="c", min_value=1, inclusive=False),
            "included",
        ),
        (
            node("dbt_utils.unique_combination_of_columns", combination_of_columns=["a"]),
            "one column",
        ),
        (
            node(
                "dbt_utils.not_null_proportion", column_name="c", at_least=1, group_by_columns=["b"]
            ),
            "group",
        ),
        (node("dbt_utils.not_empty_string", column_name="c"), "trims"),
        (node("dbt_utils.not_constant", column_name="c"), "dbt_utils.not_constant"),
        (
            node("not_null", more={"depends_on": {"macros": ["macro.p.test_not_null"]}}),
            "p.not_null",
        ),
        (node("not_null", more={"test_metadata": None}, column_name="c"), "SQL of its own"),
        (node("not_null", more=attached("model.p.soft"), column_name="c"), "no table"),
        (node("not_null", more=attached("model.p.dotted"), column_name="c"), "dot"),
        (node("not_null", more=attached("model.p.twice"), column_name="c"), "several databases"),
        (node("not_null", more={"attached_node": None}, column_name="c"), "which table"),
        (node("not_null", more={"description": 3}, column_name="c"), "description"),
    ],
)
def test_what_would_be_another_test_is_said(test: dict[str, Any], why: str) -> None:
    imported = import_manifest(manifest(test), "w")
    assert imported.document.gates == []
    [unmapped] = imported.unmapped
    assert why in unmapped.why
    assert unmapped.what == "test.p.0"


def test_tests_are_gathered_by_table_with_their_words(rule_types: RuleTypes) -> None:
    on_source = {
        "attached_node": None,
        "depends_on": {"macros": [], "nodes": ["source.p.raw.people"]},
    }
    words = {"meta": {"dimension": "accuracy", "kind": "other"}}
    model = "{{ get_where_subquery(source('raw', 'people')) }}"
    imported = import_manifest(
        manifest(
            node("not_null", words, {"description": "so"}, column_name="c"),
            node("not_null", more={"meta": {"kind": "business"}}, column_name="c"),
            node("not_null", more=on_source, column_name="ID", model=model),
            node("not_null", {"enabled": False}, column_name="off"),
            adapter="duckdb",
        ),
        "w",
    )
    assert list(check_document(imported.document, rule_types, ["w"])) == []
    assert imported.unmapped == ()
    people, orders = imported.document.gates
    assert (people.table, orders.table) == ("landing.people_v1", "shop.orders")
    assert [rule.parameters for rule in people.rules] == [{"column": "ID"}]
    first, second = orders.rules
    assert (first.name, second.name) == ("not_null_c", "not_null_c_2")
    assert (first.dimension, first.kind, first.description) == ("accuracy", "engineering", "so")
    assert second.kind == "business"


def test_a_relation_without_quotes_is_as_the_warehouse_folds_it() -> None:
    content = manifest(node("not_null", column_name="c"))
    written = {"alias": "Orders", "relation_name": '"d"."shop".Orders'}
    content["nodes"][ON] = {**WAREHOUSE_NODES[ON], **written}
    assert import_manifest(content, "w").document.gates[0].table == "shop.orders"


@pytest.mark.parametrize(
    "content",
    [
        [],
        {"nodes": {}},
        {"metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/catalog/v1.json"}},
        {"metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v11.json"}},
    ],
)
def test_what_is_no_manifest_is_refused(content: Any) -> None:
    with pytest.raises(InvalidConfiguration, match="version 12"):
        import_manifest(content, "w")


def test_a_manifest_with_a_broken_node_is_refused() -> None:
    content: dict[str, Any] = {**manifest(), "nodes": {"test.p.x": 3}}
    with pytest.raises(InvalidConfiguration, match=r"test\.p\.x"):
        import_manifest(content, "w")


@pytest.mark.parametrize("content", [b"{", b"\xff", b'"\\ud800"', b"[" * 100_000])
def test_what_is_no_json_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidConfiguration, match="not JSON"):
        parse_json(content)


def test_the_verbs_print_rules_and_what_is_left_out(tmp_path: Path) -> None:
    file = tmp_path / "suite.json"
    expectations = [expect("column_to_exist", column="c"), expect("something", column="c")]
    file.write_text(json.dumps(suite(*expectations)), "utf-8")
    place = ["--warehouse", "w"]
    done = CliRunner().invoke(cli, ["import-gx", str(file), *place, "--table", "s.t"])
    assert done.exit_code == 0
    [gate] = parse_document(done.stdout).gates
    assert (gate.warehouse, gate.table, len(gate.rules)) == ("w", "s.t", 1)
    assert done.stderr == (
        "not mapped: expectations.1 expect_something of c: no rule type means the same\n"
    )
    file.write_text(json.dumps(manifest(node("unique", column_name="c"))), "utf-8")
    done = CliRunner().invoke(cli, ["import-dbt", str(file), *place])
    assert (done.exit_code, done.stderr) == (0, "")
    assert parse_document(done.stdout).gates[0].table == "shop.orders"


@pytest.mark.parametrize(
    "arguments", [["import-gx", "--table", "s.t"], ["import-gx", "--table", "t"], ["import-dbt"]]
)
def test_the_verbs_refuse_another_file(arguments: list[str], tmp_path: Path) -> None:
    file = tmp_path / "other.json"
    content: dict[str, Any] = {"expectations": []} if "t" in arguments else {}
    file.write_text(json.dumps(content), "utf-8")
    done = CliRunner().invoke(cli, [*arguments, str(file), "--warehouse", "w"])
    assert (done.exit_code, done.stdout) == (3, "")
    assert done.stderr.startswith("stringx: ")
