"""The verdict's truth table."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gatekeeper.domain.rule import (
    Dimension,
    Entity,
    Kind,
    Rule,
    Severity,
    Threshold,
    build_rule_set,
)
from gatekeeper.domain.run import build_counts
from gatekeeper.domain.verdict import (
    Check,
    Measured,
    Measurement,
    OnNoData,
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
    (check,) = judge_checks(rules, Measured([Measurement("r", tested, failed)]))
    assert check.outcome is outcome


@pytest.mark.parametrize(
    ("severity", "warn", "error", "tested", "failed", "outcome"),
    [
        (Severity.ERROR, "0", "10", 100, 0, Outcome.PASS),
        (Severity.ERROR, "0", "10", 100, 10, Outcome.WARN),
        (Severity.ERROR, "0", "10", 100, 11, Outcome.FAIL),
        (Severity.ERROR, "5", "10", 100, 5, Outcome.PASS),
        (Severity.ERROR, "1%", "2%", 1000, 10, Outcome.PASS),
        (Severity.ERROR, "1%", "2%", 1000, 11, Outcome.WARN),
        (Severity.ERROR, "1%", "2%", 1000, 21, Outcome.FAIL),
        (Severity.ERROR, "0", "33.3%", 1000, 333, Outcome.WARN),
        (Severity.ERROR, "0", "33.3%", 1000, 334, Outcome.FAIL),
        (Severity.ERROR, "0", "100%", 10, 10, Outcome.WARN),
        (Severity.ERROR, "0", "1%", 0, 1, Outcome.FAIL),
        (Severity.WARN, "5%", "0", 100, 5, Outcome.PASS),
        (Severity.WARN, "5%", "0", 100, 6, Outcome.WARN),
    ],
)
def test_thresholds_are_of_rows_or_of_the_share_that_failed(
    severity: Severity, warn: str, error: str, tested: int, failed: int, outcome: Outcome
) -> None:
    limits = {"warn_above": Threshold(warn), "error_above": Threshold(error)}
    rules = build_rule_set([replace(rule(severity=severity), **limits)])  # type: ignore[arg-type]
    (check,) = judge_checks(rules, Measured([Measurement("r", tested, failed)]))
    assert check.outcome is outcome


def test_a_planned_check_that_never_came_back_is_an_error() -> None:
    rules = build_rule_set([rule("a"), rule("b")])
    checks = judge_checks(rules, Measured([Measurement("a", 10, 0)]))
    assert [check.outcome for check in checks] == [Outcome.PASS, Outcome.ERROR]
    assert "never came back" in checks[1].measurement.message
    assert judge(checks, OnNoData.PASS) is Verdict.ERROR


def test_a_failure_of_the_run_is_the_message_of_every_enabled_check() -> None:
    rules = build_rule_set([rule("a"), rule("b", enabled=False)])
    checks = judge_checks(rules, Measured(failure="the warehouse is away"))
    assert [check.outcome for check in checks] == [Outcome.ERROR, Outcome.SKIPPED]
    assert checks[0].measurement.message == "the warehouse is away"


@pytest.mark.parametrize(
    ("outcomes", "on_no_data", "verdict"),
    [
        ("pass pass", OnNoData.FAIL, Verdict.PASS),
        ("pass skipped", OnNoData.FAIL, Verdict.PASS),
        ("pass warn", OnNoData.FAIL, Verdict.WARN),
        ("warn fail", OnNoData.FAIL, Verdict.FAIL),
        ("fail error", OnNoData.FAIL, Verdict.ERROR),
        ("pass error", OnNoData.PASS, Verdict.ERROR),
        ("no_data no_data", OnNoData.FAIL, Verdict.NO_DATA),
        ("no_data no_data", OnNoData.PASS, Verdict.PASS),
        ("no_data no_data", OnNoData.WARN, Verdict.WARN),
        ("no_data pass", OnNoData.FAIL, Verdict.PASS),
        ("no_data warn", OnNoData.FAIL, Verdict.WARN),
        ("no_data fail", OnNoData.PASS, Verdict.FAIL),
        ("skipped", OnNoData.PASS, Verdict.ERROR),
        ("", OnNoData.PASS, Verdict.ERROR),
    ],
)
def test_the_verdict_is_the_worst_that_matters(
    outcomes: str, on_no_data: OnNoData, verdict: Verdict
) -> None:
    checks = [Check(rule(), Outcome(word), Measurement("r")) for word in outcomes.split()]
    assert judge(checks, on_no_data) is verdict


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
    assert (counts.expected, counts.executed, counts.not_judged, counts.skipped) == (3, 3, 0, 0)
    assert counts.dimensions == {"completeness": {"pass": 2, "fail": 1}}
    assert counts.kinds == {"engineering": {"pass": 2, "fail": 1}}
