"""Rules that stand for columns, and what they come to."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gatekeeper.domain.expansion import expand, matches, name_rule, replace_expanded
from gatekeeper.domain.rule import Rule, build_rule_set, parse_rule, render_rule
from gatekeeper.domain.verdict import Measured, Measurement, Outcome, judge_checks
from tests.unit.test_verdict import rule

TEMPLATE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")

templates = st.text("ab_", min_size=1, max_size=40).filter(TEMPLATE.fullmatch)
columns = st.one_of(
    st.text("ab_A ", min_size=1, max_size=63),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=255),
)


def pattern(*globs: str, name: str = "t", enabled: bool = True) -> Rule:
    placed = replace(rule(name, enabled=enabled), template=name, for_columns=globs)
    return replace(placed, parameters={"column": None, "max": 5})


@given(templates, columns, templates, columns)
@example("a", "b__c", "a_b", "c")
@example("t", "a", "t", "A")
@example("t", "a b", "t", "a_b")
@example("t", "A", "t", name_rule("t", "A").removeprefix("t__"))
def test_no_two_columns_and_no_two_templates_share_a_name(
    template: str, column: str, other: str, other_column: str
) -> None:
    name = name_rule(template, column)
    assert re.fullmatch(r"[a-z][a-z0-9_]{0,62}", name)
    if (template, column) != (other, other_column):
        assert name != name_rule(other, other_column)


def test_a_plain_column_is_named_as_it_is_and_any_other_so_that_it_can_be_read() -> None:
    assert name_rule("ids_present", "customer_id") == "ids_present__customer_id"
    assert re.fullmatch(r"t__order_id__[0-9a-f]{12}", name_rule("t", "Order ID"))


@pytest.mark.parametrize(
    ("name", "globs", "matched"),
    [
        ("customer_id", ["*_id"], True),
        ("Customer_ID", ["*_id"], True),
        ("customer_id", ["*_ID"], True),
        ("customer_id", ["amount", "customer_?d"], True),
        ("customer_id", ["customer"], False),
        ("customer_id", [], False),
        ("a*b", ["a[*]b"], True),
        ("axb", ["a[*]b"], False),
    ],
)
def test_a_pattern_matches_whole_names_whatever_their_case(
    name: str, globs: list[str], *, matched: bool
) -> None:
    assert matches(name, globs) is matched


def test_a_rule_for_columns_becomes_one_for_each_that_matches() -> None:
    rules = [pattern("*_id"), rule("own"), pattern("*", name="off", enabled=False)]
    first, second = expand(rules, ["a_id", "amount", "b_id"])
    assert (first.name, second.name) == ("t__a_id", "t__b_id")
    assert first.parameters == {"column": "a_id", "max": 5}
    assert (first.columns, first.for_columns, first.template) == (("a_id",), (), "t")


def test_a_column_joins_the_others_that_the_rule_names() -> None:
    (expanded,) = expand([replace(pattern("*"), columns=("other",))], ["a"])
    assert expanded.columns == ("a", "other")


def test_the_parameter_is_the_one_that_was_left_open() -> None:
    (expanded,) = expand([replace(pattern("*"), parameters={"column_name": None})], ["a"])
    assert expanded.parameters == {"column_name": "a"}


def test_a_rule_of_the_gates_own_keeps_its_name() -> None:
    own = rule("t__a_id", enabled=False)
    rules = [pattern("*_id"), pattern("x", name="u"), own]
    settled = replace_expanded(rules, expand(rules, ["a_id", "b_id"]))
    assert [each.name for each in settled] == ["u", "t__a_id", "t__b_id"]
    assert settled[1] is own


def test_what_it_came_to_is_judged_in_its_place() -> None:
    rules = build_rule_set([pattern("*_id"), rule("own")])
    measured = Measured(
        [Measurement("own", 10, 0), Measurement("t__a_id", 10, 1)],
        expanded=expand(rules.rules, ["a_id"]),
        columns={"a_id": "int"},
    )
    outcomes = {each.rule.name: each.outcome for each in judge_checks(rules, measured)}
    assert outcomes == {"own": Outcome.PASS, "t__a_id": Outcome.FAIL}


def test_one_that_came_to_nothing_can_not_be_judged() -> None:
    rules = build_rule_set([pattern("*_id")])
    told = Measured([Measurement("t", message="no column matches *_id")])
    for measured, said in [
        (told, "no column"),
        (Measured(), "never"),
        (Measured(failure="f"), "f"),
    ]:
        (check,) = judge_checks(rules, measured)
        assert (check.rule.name, check.outcome) == ("t", Outcome.ERROR)
        assert said in check.measurement.message


def test_a_column_that_is_gone_has_a_check_that_says_so() -> None:
    rules = build_rule_set([pattern("*_id")])
    for left in (["b_id"], []):
        measured = Measured(
            [Measurement(f"t__{column}", 10, 0) for column in left],
            expanded=expand(rules.rules, left),
            columns=dict.fromkeys(left, "int"),
        )
        checks = judge_checks(rules, measured, {"a_id": "int", "b_id": "int"})
        gone = next(check for check in checks if check.rule.name == "t__a_id")
        assert gone.outcome is Outcome.ERROR
        assert "the column a_id (int) is gone" in gone.measurement.message


def test_a_disabled_one_is_skipped_even_where_a_column_is_gone() -> None:
    rules = build_rule_set([pattern("*", enabled=False)])
    (check,) = judge_checks(rules, Measured(columns={"b": "int"}), {"a": "int"})
    assert (check.rule.name, check.outcome) == ("t", Outcome.SKIPPED)


def test_a_part_judges_what_the_rule_that_it_names_came_to() -> None:
    stands_in = rule("t__a_id")
    rules = build_rule_set([pattern("*_id"), pattern("*", name="u"), stands_in, rule("own")])
    measured = Measured(
        [Measurement(name, 10, 0) for name in ("t__a_id", "t__b_id")],
        expanded=expand([pattern("*_id")], ["a_id", "b_id"]),
        columns={"a_id": "int", "b_id": "int"},
    )
    remembered = {**measured.columns, "c_id": "int"}
    checks = judge_checks(rules, measured, remembered, ["t"])
    assert {each.rule.name: each.outcome for each in checks} == {
        "t__a_id": Outcome.SKIPPED,
        "t__b_id": Outcome.PASS,
        "t__c_id": Outcome.ERROR,
        "u": Outcome.SKIPPED,
        "own": Outcome.SKIPPED,
    }
    assert len(checks) == 5


def test_what_templates_add_is_in_no_other_rules_plain_data() -> None:
    plain, placed = render_rule(rule("own")), render_rule(pattern("*"))
    assert set(placed) - set(plain) == {"template", "for_columns"}
    assert parse_rule(plain) == rule("own")
    assert parse_rule(placed) == pattern("*")
