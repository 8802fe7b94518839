"""The verdict: what the outcomes of a run's checks come to. Could-not-judge is never a pass."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from fractions import Fraction

from gatekeeper.domain.batch import Batch
from gatekeeper.domain.drift import drifted, find_drift
from gatekeeper.domain.expansion import expand, replace_expanded
from gatekeeper.domain.rule import Rule, RuleSet, Severity, Threshold, select_rules
from gatekeeper.domain.samples import Sample


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


class OnNoData(StrEnum):
    """What a gate makes of a run in which no row was tested."""

    PASS = "pass"  # noqa: S105 - a policy, not a password
    WARN = "warn"
    FAIL = "fail"


VERDICT_ON_NO_DATA = {
    OnNoData.PASS: Verdict.PASS,
    OnNoData.WARN: Verdict.WARN,
    OnNoData.FAIL: Verdict.NO_DATA,
}


@dataclass(frozen=True)
class Measurement:
    """What the runner saw of one rule. Without `rows_failed` it could not be measured, and
    `message` says why. `dbt_status` is dbt's own word for it, kept beside ours. `samples` are some
    of the failing rows, as far as the gate lets them be kept.
    """

    rule: str
    rows_tested: int | None = None
    rows_failed: int | None = None
    message: str = ""
    compiled_sql: str | None = None
    duration_seconds: float | None = None
    dbt_status: str | None = None
    samples: Sequence[Sample] = ()


@dataclass(frozen=True)
class Measured:
    """What a runner brought back of a plan: the table's columns with their types, in its order, the
    batch that was judged, and a measurement for each rule. `expanded` are the rules for single
    columns that those for many came to. `dbt_tests` are the tests of the gate's own dbt project, as
    rules. `failure` says why there is nothing.
    """

    measurements: Sequence[Measurement] = ()
    expanded: Sequence[Rule] = ()
    dbt_tests: Sequence[Rule] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    batch: Batch | None = None
    failure: str = ""


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


NOT_ASKED_FOR = "the rule wasn't asked for"


def judge_checks(
    rule_set: RuleSet,
    measured: Measured,
    remembered: Mapping[str, str] | None = None,
    names: Collection[str] | None = None,
) -> list[Check]:
    """Judge every rule of the set by what was measured of it; where there are `names`, those alone.

    `remembered` are the table's columns as they were when the rule set was first judged: a rule
    that names one which has changed since isn't judged by what it counted. A rule for many columns
    has a check for each, also for one that is gone.
    """
    found = {measurement.rule: measurement for measurement in measured.measurements}
    lost = measured.failure or "the check was planned and never came back"
    drift = {} if measured.failure else find_drift(remembered or {}, measured.columns)
    gone = [column for column in drift if column not in measured.columns]
    asked = select_rules(rule_set.rules, names)
    left_out = {rule.name for rule in rule_set.rules} - {rule.name for rule in asked}
    expanded = [*measured.expanded, *expand(asked, gone)]
    bounds = (measured.batch.column,) if measured.batch else ()

    def judge_rule(rule: Rule, outcome_of: OutcomeOf) -> Check:
        if rule.name in left_out:
            return _skip(rule, NOT_ASKED_FOR)
        if not rule.enabled:
            return _skip(rule, "the rule is disabled")
        measurement = found.get(rule.name) or Measurement(rule.name, message=lost)
        if changed := drifted([*rule.columns, *bounds], drift):
            return Check(rule, Outcome.ERROR, replace(measurement, message=changed))
        return Check(rule, outcome_of(rule, measurement), measurement)

    return [
        *(judge_rule(rule, _outcome) for rule in replace_expanded(rule_set.rules, expanded)),
        *(judge_rule(test, _outcome_of_dbt) for test in measured.dbt_tests),
    ]


def _skip(rule: Rule, why: str) -> Check:
    return Check(rule, Outcome.SKIPPED, Measurement(rule.name, message=why))


OutcomeOf = Callable[[Rule, Measurement], Outcome]


def _outcome(rule: Rule, measured: Measurement) -> Outcome:
    if measured.rows_failed is None or measured.rows_tested is None:
        return Outcome.ERROR
    if rule.severity is Severity.ERROR and exceeds(rule.error_above, measured):
        return Outcome.FAIL
    if exceeds(rule.warn_above, measured):
        return Outcome.WARN
    return Outcome.PASS if measured.rows_tested > 0 else Outcome.NO_DATA


_OUTCOME_BY_DBT = {"pass": Outcome.PASS, "warn": Outcome.WARN, "fail": Outcome.FAIL}


def _outcome_of_dbt(_: Rule, measured: Measurement) -> Outcome:
    """Dbt has judged its own test; what it can't tell is whether there was anything to test."""
    outcome = _OUTCOME_BY_DBT.get(measured.dbt_status or "", Outcome.ERROR)
    if measured.rows_failed is None or measured.rows_tested is None:
        return Outcome.ERROR
    no_row = outcome is Outcome.PASS and measured.rows_tested == 0
    return Outcome.NO_DATA if no_row else outcome


def exceeds(threshold: Threshold, measured: Measurement) -> bool:
    """Whether more rows failed than the threshold allows; of no rows any share is too much."""
    failed, tested = measured.rows_failed or 0, measured.rows_tested or 0
    if threshold.endswith("%"):
        # Exact: a share right at the threshold doesn't exceed it.
        return failed * 100 > Fraction(threshold[:-1]) * tested
    return failed > int(threshold)


def judge(checks: Sequence[Check], on_no_data: OnNoData) -> Verdict:
    """Give the verdict of a run.

    `error` if a check could not be judged or none was; else the worst of what failed; else, where
    no row was tested, what the gate makes of that: it is never a pass unless the gate says so.
    """
    outcomes = _judged(checks)
    if not outcomes or Outcome.ERROR in outcomes:
        return Verdict.ERROR
    if Outcome.FAIL in outcomes:
        return Verdict.FAIL
    if Outcome.WARN in outcomes:
        return Verdict.WARN
    if was_empty(checks):
        return VERDICT_ON_NO_DATA[on_no_data]
    return Verdict.PASS


def was_empty(checks: Sequence[Check]) -> bool:
    """Whether no row was tested, and nothing else is to be said of the run."""
    return _judged(checks) == {Outcome.NO_DATA}


def _judged(checks: Sequence[Check]) -> set[Outcome]:
    return {check.outcome for check in checks} - {Outcome.SKIPPED}


def is_open(verdict: Verdict, opens_on: Collection[Verdict]) -> bool:
    """Whether the gate lets the data through."""
    return verdict in opens_on
