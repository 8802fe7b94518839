"""What was asked, stored with the runs that will answer it: many in as few statements as one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import bindparam, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert

from gatekeeper.domain.batch import Batch, render_batch
from gatekeeper.domain.errors import IdempotencyConflict
from gatekeeper.domain.gate import Gate, Mode
from gatekeeper.domain.run import Origin, Request, RequestId, RunId, RunState, Trial
from gatekeeper.store.bulk import insert_rows
from gatekeeper.store.engine import Transaction
from gatekeeper.store.tables import requests, runs

# The store's own clock, so that processes on several machines agree.
now = func.clock_timestamp()

GATE_IS_OFF = "the gate is off, so nothing was judged"


@dataclass(frozen=True)
class Arrival:
    """A request with the gate that it asks, and the ids that it and its run will have."""

    request: Request
    gate: Gate
    request_id: RequestId
    run_id: RunId

    @property
    def is_asked(self) -> bool:
        """Whether the gate is to be judged at all."""
        return self.gate.policy.mode is not Mode.OFF


def build_arrival(request: Request, gate: Gate) -> Arrival:
    """Give a request its ids."""
    return Arrival(request, gate, RequestId(uuid4()), RunId(uuid4()))


def save_requests(
    tx: Transaction, arrivals: Sequence[Arrival], received_at: datetime
) -> list[Arrival]:
    """Store what was asked, and give what of it is new: neither its idempotency key nor its place
    in Kafka was there before. Of several at the same moment one is stored; the others wait for it.
    """
    if not arrivals:
        return []
    rows = [_request_row(arrival, received_at) for arrival in arrivals]
    statement = insert_rows(requests, rows).on_conflict_do_nothing().returning(requests.c.id)
    stored: set[UUID] = set(tx.execute(statement).scalars())
    return [arrival for arrival in arrivals if arrival.request_id in stored]


def _request_row(arrival: Arrival, received_at: datetime) -> dict[str, object]:
    request = arrival.request
    return {
        "id": str(arrival.request_id),
        "gate_id": arrival.gate.id,
        "trigger": request.trigger.value,
        "idempotency_key": request.idempotency_key,
        "question": _question(request),
        "correlation_id": request.correlation_id,
        "callback_url": request.callback_url,
        "received_at": received_at.isoformat(),
        **_place(request.origin),
    }


def _place(origin: Origin | None) -> Mapping[str, object]:
    return asdict(origin) if origin else dict.fromkeys(("topic", "partition", "offset"))


def _question(request: Request) -> dict[str, Any]:
    """Give what two requests of one key must have in common. What came later stands in it only
    where it is asked, so that questions of releases before are equal still.
    """
    later = {"rules": request.rules, "callback_url": request.callback_url}
    return {
        "table": request.table,
        "warehouse": request.warehouse,
        "batch": render_batch(request.batch) if request.batch else None,
        "correlation_id": request.correlation_id,
        **{name: value for name, value in later.items() if value is not None},
    }


def find_earlier_run(tx: Transaction, request: Request) -> RunId:
    """Give the run of the request that was there before.

    Raises IdempotencyConflict where its key came with another question.
    """
    key = request.idempotency_key
    place = [requests.c[name] == value for name, value in _place(request.origin).items()]
    same = place if key is None else [requests.c.idempotency_key == key]
    earlier = tx.execute(
        select(runs.c.id, requests.c.question)
        .join(requests, requests.c.id == runs.c.request_id)
        .where(*same)
    ).first()
    # As text: to Python, 1 and true are equal.
    written = json.dumps(_question(request), sort_keys=True)
    if earlier is None or json.dumps(earlier.question, sort_keys=True) != written:
        raise IdempotencyConflict(key or "")
    return RunId(earlier.id)


def save_runs(tx: Transaction, arrivals: Sequence[Arrival], jobs: Mapping[RunId, int]) -> None:
    """Store a run for each request: queued, with the job that carries it, or cancelled where the
    gate is off.
    """
    queued = [
        {**_run_row(arrival), "job_id": jobs[arrival.run_id]}
        for arrival in arrivals
        if arrival.is_asked
    ]
    cancelled = [_run_row(arrival) for arrival in arrivals if not arrival.is_asked]
    if queued:
        state = literal(RunState.QUEUED.value)
        tx.execute(insert_rows(runs, queued, state=state, queued_at=now))
    if cancelled:
        state = literal(RunState.CANCELLED.value)
        tx.execute(insert_rows(runs, cancelled, state=state, message=literal(GATE_IS_OFF)))


def _run_row(arrival: Arrival) -> dict[str, object]:
    return {
        "id": str(arrival.run_id),
        "request_id": str(arrival.request_id),
        "gate_id": arrival.gate.id,
        "batch": _wire(arrival.request.batch),
        "rules": arrival.request.rules,
        "rule_set_hash": arrival.gate.rule_set.hash,
    }


def _wire(batch: Batch | None) -> dict[str, Any] | None:
    return render_batch(batch) if batch else None


def save_trial_request(
    tx: Transaction, request: Request, gate: Gate, received_at: datetime
) -> RequestId:
    """Store what was asked, for trials to follow; without an idempotency key it is always new."""
    arrival = build_arrival(replace(request, idempotency_key=None), gate)
    save_requests(tx, [arrival], received_at)
    return arrival.request_id


def save_trial(tx: Transaction, request_id: RequestId, gate: Gate, trial: Trial) -> RunId:
    """Store a run for the trial; it is carried out whatever the mode of its gate."""
    statement = insert(runs).values(
        id=uuid4(),
        request_id=request_id,
        gate_id=gate.id,
        batch=_wire(trial.batch),
        rule_set_hash=trial.rule_set.hash,
        purpose=trial.purpose.value,
        compares_with=trial.compares_with,
        state=RunState.QUEUED.value,
        queued_at=now,
    )
    return RunId(tx.execute(statement.returning(runs.c.id)).scalar_one())


def set_jobs(tx: Transaction, jobs: Mapping[RunId, int]) -> None:
    """Note which job of the queue carries each run."""
    if jobs:
        statement = update(runs).where(runs.c.id == bindparam("run"))
        rows = [{"run": run_id, "job_id": job_id} for run_id, job_id in jobs.items()]
        tx.execute(statement, rows)
