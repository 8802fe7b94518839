"""The verdict's truth table."""

from __future__ import annotations

import pytest

from gatekeeper.domain.rule import Dimension, Entity, Kind, Rule, Severity, build_rule_set
from gatekeeper.domain.run import build_counts
from gatekeeper.domain.verdict import (
    Check,
    Measurement,
    Outcome,
    Verdict,
    is_open,
    judge,
    judge_checks,
)


def rule(name: str = "r", severity: Severity = Severity.ERROR, *, enabled: bool = True) -> Rule:
    return Rule(
        name=name,
        type="not_null",
        parameters={"column": "a"},
        kind=Kind.ENGINEERING,
        dimension=Dimension.COMPLETENESS,
        entity=Entity.COLUMN,
        severity=severity,
        enabled=enabled,
    )


@pytest.mark.parametrize(
    ("severity", "tested", "failed", "outcome"),
    [
        (Severity.ERROR, 10, 0, Outcome.PASS),
        (Severity.WARN, 10, 0, Outcome.PASS),
        (Severity.ERROR, 10, 1, Outcome.FAIL),
        (Severity.WARN, 10, 1, Outcome.WARN),
        (Severity.ERROR, 0, 0, Outcome.NO_DATA),
        (Severity.ERROR, 0, 1, Outcome.FAIL),
        (Severity.ERROR, 10, None, Outcome.ERROR),
        (Severity.WARN, None, None, Outcome.ERROR),
        (Severity.ERROR, None, 0, Outcome.ERROR),
    ],
)
def test_a_check_is_judged_by_what_was_counted(
    severity: Severity, tested: int | None, failed: int | None, outcome: Outcome
) -> None:
    rules = build_rule_set([rule(severity=severity)])
    (check,) = judge_checks(rules, [Measurement("r", tested, failed)])
    assert check.outcome is outcome


def test_a_planned_check_that_never_came_back_is_an_error() -> None:
    rules = build_rule_set([rule("a"), rule("b")])
    checks = judge_checks(rules, [Measurement("a", 10, 0)])
    assert [check.outcome for check in checks] == [Outcome.PASS, Outcome.ERROR]
    assert "never came back" in checks[1].measurement.message
    assert judge(checks, allow_empty=True) is Verdict.ERROR


def test_a_failure_of_the_run_is_the_message_of_every_enabled_check() -> None:
    rules = build_rule_set([rule("a"), rule("b", enabled=False)])
    checks = judge_checks(rules, [], "the warehouse is away")
    assert [check.outcome for check in checks] == [Outcome.ERROR, Outcome.SKIPPED]
    assert checks[0].measurement.message == "the warehouse is away"


@pytest.mark.parametrize(
    ("outcomes", "allow_empty", "verdict"),
    [
        ("pass pass", False, Verdict.PASS),
        ("pass skipped", False, Verdict.PASS),
        ("pass warn", False, Verdict.WARN),
        ("warn fail", False, Verdict.FAIL),
        ("fail error", False, Verdict.ERROR),
        ("pass error", True, Verdict.ERROR),
        ("no_data no_data", False, Verdict.NO_DATA),
        ("no_data no_data", True, Verdict.PASS),
        ("no_data warn", False, Verdict.WARN),
        ("no_data fail", True, Verdict.FAIL),
        ("skipped", True, Verdict.ERROR),
        ("", True, Verdict.ERROR),
    ],
)
def test_the_verdict_is_the_worst_that_matters(
    outcomes: str, *, allow_empty: bool, verdict: Verdict
) -> None:
    checks = [Check(rule(), Outcome(word), Measurement("r")) for word in outcomes.split()]
    assert judge(checks, allow_empty=allow_empty) is verdict


@pytest.mark.parametrize("verdict", Verdict)
def test_a_gate_opens_on_what_its_policy_names_and_on_nothing_else(verdict: Verdict) -> None:
    opened = is_open(verdict, frozenset({Verdict.PASS, Verdict.WARN}))
    assert opened == (verdict in (Verdict.PASS, Verdict.WARN))


@pytest.mark.parametrize(
    ("tested", "failed", "percent"), [(200, 1, 0.5), (0, 0, None), (10, None, None)]
)
def test_percent_is_of_rows_tested(tested: int, failed: int | None, percent: float | None) -> None:
    check = Check(rule(), Outcome.PASS, Measurement("r", tested, failed))
    assert check.percent_failed == percent


def test_counts_are_by_outcome_dimension_and_kind() -> None:
    checks = [Check(rule(), Outcome(word), Measurement("r")) for word in ("pass", "pass", "fail")]
    counts = build_counts(checks)
    assert counts.outcomes == {"pass": 2, "fail": 1}
    assert counts.dimensions == {"completeness": {"pass": 2, "fail": 1}}
    assert counts.kinds == {"engineering": {"pass": 2, "fail": 1}}
