"""Runs: trigger a gate, look at what came of it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import structlog
from apiflask import APIBlueprint
from flask import request

from api.backend import backend
from api.bodies import RunQuery
from api.views.runs import CheckView, ResultsView, RunPage, RunView, SampleList, SamplesView
from api.waiting import Answer, answer_with
from gatekeeper import flow
from gatekeeper.contracts.callback_url import check_callback
from gatekeeper.contracts.trigger import TriggerBody, name_rules
from gatekeeper.domain.errors import InvalidRequest
from gatekeeper.domain.gate import Mode
from gatekeeper.domain.run import Request, RunId, Trigger
from gatekeeper.store.results import load_results
from gatekeeper.store.runs import RunFilter, load_run, load_runs
from gatekeeper.store.samples import load_samples

log = structlog.get_logger(__name__)

runs = APIBlueprint("runs", __name__, url_prefix="/api/v1/runs", tag="runs")

MAX_KEY_LENGTH = 255


@runs.post("")
@runs.input(TriggerBody, arg_name="body")
@runs.output(RunView, status_code=202)
@runs.doc(
    operation_id="triggerRun",
    summary="Ask a gate whether a table, or a batch of it, may be used",
    responses={409: "The gate has no rules, or the Idempotency-Key came with another body"},
)
def trigger_run(body: TriggerBody) -> Answer:
    """Answers 200 with the verdict when the run is finished, 202 and where to look while it isn't.

    `Prefer: wait=30` waits for the verdict up to that many seconds; so does a gate of the mode
    `inline` by itself. The same `Idempotency-Key` with the same body gives the same run.
    """
    receipt = flow.receive(backend().store, backend().queue, _request(body))
    is_inline = receipt.gate.policy.mode is Mode.INLINE
    return answer_with(receipt.run, backend().inline_wait_seconds if is_inline else None)


def _request(body: TriggerBody) -> Request:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not 1 <= len(key) <= MAX_KEY_LENGTH:
        reason = f"must have 1 to {MAX_KEY_LENGTH} characters"
        raise InvalidRequest("Idempotency-Key", reason)
    check_callback(body.callback_url, backend().callback_hosts)
    return Request(
        table=body.table,
        warehouse=body.warehouse,
        batch=body.batch.batch() if body.batch else None,
        rules=name_rules(body.rules),
        correlation_id=body.correlation_id,
        callback_url=body.callback_url,
        idempotency_key=key,
        trigger=Trigger.HTTP,
    )


@runs.get("")
@runs.input(RunQuery, location="query", arg_name="query")
@runs.output(RunPage)
@runs.doc(operation_id="listRuns", summary="List runs, newest first")
def list_runs(query: RunQuery) -> RunPage:
    """`next` of one page is the `cursor` of the following one."""
    wanted = RunFilter(
        table=query.table,
        warehouse=query.warehouse,
        verdict=query.verdict,
        state=query.state,
        purpose=query.purpose,
        since=query.since,
        before=int(query.cursor) if query.cursor else None,
    )
    with backend().store.transaction() as tx:
        found, more = load_runs(tx, wanted, query.limit)
    return RunPage(items=[RunView.of(run) for run in found], next=str(more) if more else None)


@runs.get("/<uuid:run_id>")
@runs.output(RunView)
@runs.doc(operation_id="getRun", summary="Get a run with its verdict")
def get_run(run_id: UUID) -> RunView:
    """`verdict` and `open` are null until the run is finished."""
    with backend().store.transaction() as tx:
        return RunView.of(load_run(tx, RunId(run_id)))


@runs.get("/<uuid:run_id>/results")
@runs.output(ResultsView)
@runs.doc(operation_id="getResults", summary="Get a run's checks")
def get_results(run_id: UUID) -> dict[str, Any]:
    """Each check with its outcome, what was counted, and the SQL that counted it."""
    with backend().store.transaction() as tx:
        run = load_run(tx, RunId(run_id))
        checks = load_results(tx, run.id)
    return {
        "run_id": run.id,
        "state": run.state,
        "verdict": run.verdict,
        "checks": [CheckView.of(check) for check in checks],
    }


@runs.get("/<uuid:run_id>/samples")
@runs.output(SampleList)
@runs.doc(operation_id="getSamples", summary="Get samples of a run's failing rows")
def get_samples(run_id: UUID) -> SampleList:
    """Empty unless the gate lets some be kept, and once their time is over. Each read is logged."""
    with backend().store.transaction() as tx:
        run = load_run(tx, RunId(run_id))
        kept = load_samples(tx, run.id)
    log.info(
        "samples read",
        action="samples_read",
        run_id=str(run.id),
        gate=run.table,
        rules=[each.rule for each in kept],
        reader=request.remote_addr,
    )
    items = [SamplesView.model_validate(each, from_attributes=True) for each in kept]
    return SampleList(run_id=run.id, items=items)
