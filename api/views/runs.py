"""Runs and their checks."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self
from uuid import UUID

from api.views import View
from gatekeeper.domain.batch import render_batch
from gatekeeper.domain.rule import Dimension, Entity, Kind, Severity
from gatekeeper.domain.run import CallbackState, Purpose, Run, RunState, Trigger
from gatekeeper.domain.verdict import Check, Outcome, Verdict


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


class CallbackView(View):
    """What has become of a callback; `message` says why the last of the `attempts` came to nothing,
    if so.
    """

    state: CallbackState
    attempts: int
    message: str


class RunView(View):
    """A run with its verdict. `open` says whether the gate lets the data through; where `purpose`
    isn't `judge`, whether it would. `rules` are those that were asked for, null for all; of a part
    the verdict is not the gate's, and `open` is null. `callback` is null where none was asked for.
    """

    id: UUID
    request_id: UUID
    warehouse: str
    table: str
    trigger: Trigger
    correlation_id: str | None
    batch: dict[str, Any] | None
    rule_set: str
    rules: list[str] | None
    purpose: Purpose
    state: RunState
    attempts: int
    verdict: Verdict | None
    open: bool | None
    message: str
    counts: CountsView | None
    callback: CallbackView | None
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
            rules=list(run.rules) if run.rules else None,
            purpose=run.purpose,
            state=run.state,
            attempts=run.attempts,
            verdict=run.verdict,
            open=run.open,
            message=run.message,
            counts=CountsView.model_validate(run.counts, from_attributes=True)
            if run.counts
            else None,
            callback=CallbackView.model_validate(run.callback, from_attributes=True)
            if run.callback
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
    owner: str
    columns: list[str]
    template: str
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
            owner=rule.owner,
            columns=list(rule.columns),
            template=rule.template,
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


class SamplesView(View):
    """Some of the failing rows of a check, as far as the gate lets them be kept."""

    rule: str
    rows: list[dict[str, str | None]]
    expires_at: datetime


class SampleList(View):
    """What is left of a run's samples, by rule."""

    run_id: UUID
    items: list[SamplesView]


class ResultsView(View):
    """The checks of a run, by rule; empty before it is finished."""

    run_id: UUID
    state: RunState
    verdict: Verdict | None
    checks: list[CheckView]
