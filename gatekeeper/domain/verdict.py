"""The verdict: what the outcomes of a run's checks come to. Could-not-judge is never a pass."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from gatekeeper.domain.rule import Rule, RuleSet, Severity


class Outcome(StrEnum):
    """What became of one check."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    WARN = "warn"
    FAIL = "fail"
    ERROR = "error"
    NO_DATA = "no_data"
    SKIPPED = "skipped"


class Verdict(StrEnum):
    """What a run came to; `error` means that it could not judge."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    WARN = "warn"
    FAIL = "fail"
    ERROR = "error"
    NO_DATA = "no_data"


@dataclass(frozen=True)
class Measurement:
    """What the runner saw of one rule. Without `rows_failed` it could not be measured, and
    `message` says why. `dbt_status` is dbt's own word for it, kept beside ours.
    """

    rule: str
    rows_tested: int | None = None
    rows_failed: int | None = None
    message: str = ""
    compiled_sql: str | None = None
    duration_seconds: float | None = None
    dbt_status: str | None = None


@dataclass(frozen=True)
class Check:
    """One rule applied to one batch in one run, judged."""

    rule: Rule
    outcome: Outcome
    measurement: Measurement

    @property
    def percent_failed(self) -> float | None:
        """Rows failed per hundred rows tested; None where that has no meaning."""
        tested, failed = self.measurement.rows_tested, self.measurement.rows_failed
        return None if not tested or failed is None else 100 * failed / tested


def judge_checks(
    rule_set: RuleSet, measurements: Sequence[Measurement], failure: str = ""
) -> list[Check]:
    """Judge every rule of the set by what was measured of it.

    `failure` says why nothing could be measured, and is then what each enabled rule's check says.
    """
    measured = {measurement.rule: measurement for measurement in measurements}
    lost = failure or "the check was planned and never came back"
    return [
        _judge_check(rule, measured.get(rule.name) or Measurement(rule.name, message=lost))
        for rule in rule_set.rules
    ]


def _judge_check(rule: Rule, measurement: Measurement) -> Check:
    if not rule.enabled:
        return Check(rule, Outcome.SKIPPED, Measurement(rule.name, message="the rule is disabled"))
    return Check(rule, _outcome(rule, measurement), measurement)


def _outcome(rule: Rule, measured: Measurement) -> Outcome:
    if measured.rows_failed is None or measured.rows_tested is None:
        return Outcome.ERROR
    if measured.rows_failed > 0:
        return Outcome.FAIL if rule.severity is Severity.ERROR else Outcome.WARN
    return Outcome.PASS if measured.rows_tested > 0 else Outcome.NO_DATA


def judge(checks: Sequence[Check], *, allow_empty: bool) -> Verdict:
    """Give the verdict of a run.

    `error` if a check could not be judged or none was; else the worst of what failed; else
    `no_data` where no row was tested, unless the gate lets an empty batch pass.
    """
    outcomes = {check.outcome for check in checks} - {Outcome.SKIPPED}
    if not outcomes or Outcome.ERROR in outcomes:
        return Verdict.ERROR
    if Outcome.FAIL in outcomes:
        return Verdict.FAIL
    if Outcome.WARN in outcomes:
        return Verdict.WARN
    if outcomes == {Outcome.NO_DATA} and not allow_empty:
        return Verdict.NO_DATA
    return Verdict.PASS


def is_open(verdict: Verdict, opens_on: Collection[Verdict]) -> bool:
    """Whether the gate lets the data through."""
    return verdict in opens_on
