"""What the API shows. A view shows a thing of the domain as it is, and decides nothing."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from gatekeeper.configuration.changes import Action, Change
from gatekeeper.domain.batch import render_batch
from gatekeeper.domain.gate import Gate, Mode
from gatekeeper.domain.rule import Dimension, Entity, Kind, Rule, RuleType, Severity, Shape
from gatekeeper.domain.run import Run, RunState, Trigger
from gatekeeper.domain.verdict import Check, OnNoData, Outcome, Verdict


class View(BaseModel):
    """What the API shows."""

    model_config = ConfigDict(frozen=True)


class CountsView(View):
    """How many checks had which outcome: in all, by dimension, and by kind."""

    expected: int
    executed: int
    not_judged: int
    skipped: int
    outcomes: dict[str, int]
    dimensions: dict[str, dict[str, int]]
    kinds: dict[str, dict[str, int]]


class TimingsView(View):
    """When each stage was reached (UTC)."""

    received_at: datetime
    queued_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    acknowledged_at: datetime | None


class RunView(View):
    """A run with its verdict. `open` says whether the gate lets the data through."""

    id: UUID
    request_id: UUID
    warehouse: str
    table: str
    trigger: Trigger
    correlation_id: str | None
    batch: dict[str, Any] | None
    rule_set: str
    state: RunState
    attempts: int
    verdict: Verdict | None
    open: bool | None
    message: str
    counts: CountsView | None
    timings: TimingsView

    @classmethod
    def of(cls, run: Run) -> Self:
        """Show a run."""
        return cls(
            id=run.id,
            request_id=run.request_id,
            warehouse=run.warehouse,
            table=run.table,
            trigger=run.trigger,
            correlation_id=run.correlation_id,
            batch=render_batch(run.batch) if run.batch else None,
            rule_set=run.rule_set_hash,
            state=run.state,
            attempts=run.attempts,
            verdict=run.verdict,
            open=run.open,
            message=run.message,
            counts=CountsView.model_validate(run.counts, from_attributes=True)
            if run.counts
            else None,
            timings=TimingsView.model_validate(run, from_attributes=True),
        )


class RunPage(View):
    """Runs, newest first; `next` is the cursor of the following page."""

    items: list[RunView]
    next: str | None


class CheckView(View):
    """A check: one rule applied to the run's batch."""

    rule: str
    type: str
    parameters: dict[str, Any]
    kind: Kind
    dimension: Dimension
    entity: Entity
    severity: Severity
    warn_above: str
    error_above: str
    outcome: Outcome
    rows_tested: int | None
    rows_failed: int | None
    percent_failed: float | None
    message: str
    compiled_sql: str | None
    duration_seconds: float | None
    dbt_status: str | None

    @classmethod
    def of(cls, check: Check) -> Self:
        """Show a check."""
        rule, measured = check.rule, check.measurement
        return cls(
            rule=rule.name,
            type=rule.type,
            parameters=dict(rule.parameters),
            kind=rule.kind,
            dimension=rule.dimension,
            entity=rule.entity,
            severity=rule.severity,
            warn_above=rule.warn_above,
            error_above=rule.error_above,
            outcome=check.outcome,
            rows_tested=measured.rows_tested,
            rows_failed=measured.rows_failed,
            percent_failed=check.percent_failed,
            message=measured.message,
            compiled_sql=measured.compiled_sql,
            duration_seconds=measured.duration_seconds,
            dbt_status=measured.dbt_status,
        )


class ResultsView(View):
    """The checks of a run, by rule; empty before it is finished."""

    run_id: UUID
    state: RunState
    verdict: Verdict | None
    checks: list[CheckView]


class RuleView(View):
    """A rule."""

    model_config = ConfigDict(from_attributes=True, frozen=True)

    name: str
    type: str
    parameters: dict[str, Any]
    kind: Kind
    dimension: Dimension
    entity: Entity
    severity: Severity
    warn_above: str
    error_above: str
    enabled: bool
    description: str

    @classmethod
    def of(cls, rule: Rule) -> Self:
        """Show a rule."""
        return cls.model_validate(rule)


class GateSummary(View):
    """A gate without its rules."""

    warehouse: str
    table: str
    description: str
    mode: Mode
    opens_on: list[Verdict]
    on_no_data: OnNoData
    deadline_seconds: int
    rule_set: str
    rule_count: int

    @classmethod
    def of(cls, gate: Gate) -> Self:
        """Show a gate."""
        return cls(**_gate_fields(gate))


class GateView(GateSummary):
    """A gate with its rules."""

    rules: list[RuleView]

    @classmethod
    def of(cls, gate: Gate) -> Self:
        """Show a gate."""
        return cls(**_gate_fields(gate), rules=[RuleView.of(rule) for rule in gate.rule_set.rules])


def _gate_fields(gate: Gate) -> dict[str, Any]:
    return {
        "warehouse": gate.warehouse,
        "table": gate.table,
        "description": gate.description,
        "mode": gate.policy.mode,
        "opens_on": sorted(gate.policy.opens_on),
        "on_no_data": gate.policy.on_no_data,
        "deadline_seconds": gate.policy.deadline_seconds,
        "rule_set": gate.rule_set.hash,
        "rule_count": len(gate.rule_set.rules),
    }


class GateList(View):
    """Every gate."""

    items: list[GateSummary]


class RuleTypeView(View):
    """A rule type; `parameters` is the JSON Schema of a rule's parameters."""

    model_config = ConfigDict(from_attributes=True, frozen=True)

    name: str
    description: str
    dimension: Dimension
    entity: Entity
    shape: Shape
    parameters: dict[str, Any]
    example: dict[str, Any]

    @classmethod
    def of(cls, rule_type: RuleType) -> Self:
        """Show a rule type."""
        return cls.model_validate(rule_type)


class RuleTypeList(View):
    """The catalogue."""

    items: list[RuleTypeView]


class ChangeView(View):
    """One thing that is added, changed or removed; `before` and `after` hold what differs."""

    action: Action
    path: str
    before: dict[str, Any]
    after: dict[str, Any]

    @classmethod
    def of(cls, change: Change) -> Self:
        """Show a change."""
        return cls(
            action=change.action,
            path=change.path,
            before=dict(change.before),
            after=dict(change.after),
        )


class AppliedView(View):
    """What applying a configuration changed, or would change."""

    applied: bool
    changes: list[ChangeView]


class RuleSetView(View):
    """A rule set that the gate had, or has; `changes` are against the one before."""

    hash: str
    author: str
    created_at: datetime
    current: bool
    rule_count: int
    changes: list[ChangeView]


class RuleSetList(View):
    """Every rule set of a gate, the newest first."""

    items: list[RuleSetView]


class HealthView(View):
    """What was looked at, and whether it is well."""

    ok: bool
    checks: dict[str, str]


class FieldProblem(View):
    """One thing wrong with a request: where, and what."""

    path: str
    reason: str


class ProblemView(View):
    """An error (RFC 9457). `code` is for programs, `detail` for people."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    instance: str
    errors: list[FieldProblem] = Field(default_factory=list)
