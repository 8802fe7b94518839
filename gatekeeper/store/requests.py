"""What was asked, stored with the run that will answer it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from typing import Any, cast
from uuid import UUID, uuid4

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from gatekeeper.domain.batch import Batch, render_batch
from gatekeeper.domain.errors import IdempotencyConflict
from gatekeeper.domain.gate import Gate, Mode
from gatekeeper.domain.run import Request, RequestId, RunId, RunState, Trial
from gatekeeper.store.engine import Transaction
from gatekeeper.store.tables import requests, runs


def save_request(
    tx: Transaction, request: Request, gate: Gate, received_at: datetime
) -> tuple[RunId, bool]:
    """Store what was asked with a run for it; says whether it is new.

    A request that came before with the same idempotency key and body gives that one's run. Of
    several at the same moment one is stored; the others wait for it. Raises IdempotencyConflict
    where the body differs.
    """
    request_id = _insert_request(tx, request, gate, received_at)
    if request_id is None:
        return _earlier_run(tx, request), False
    return _save_run(tx, request_id, request, gate), True


def save_trial_request(
    tx: Transaction, request: Request, gate: Gate, received_at: datetime
) -> RequestId:
    """Store what was asked, for trials to follow; without an idempotency key it is always new."""
    request_id = _insert_request(tx, replace(request, idempotency_key=None), gate, received_at)
    return RequestId(cast("UUID", request_id))


def _insert_request(
    tx: Transaction, request: Request, gate: Gate, received_at: datetime
) -> UUID | None:
    """Give the new request's id; None where one came before with the same idempotency key."""
    return tx.execute(
        insert(requests)
        .values(
            id=uuid4(),
            gate_id=gate.id,
            trigger=request.trigger.value,
            idempotency_key=request.idempotency_key,
            question=_question(request),
            correlation_id=request.correlation_id,
            received_at=received_at,
        )
        .on_conflict_do_nothing(index_elements=["idempotency_key"])
        .returning(requests.c.id)
    ).scalar()


def _question(request: Request) -> dict[str, Any]:
    return {
        "table": request.table,
        "warehouse": request.warehouse,
        "batch": render_batch(request.batch) if request.batch else None,
        "correlation_id": request.correlation_id,
    }


def _earlier_run(tx: Transaction, request: Request) -> RunId:
    key, question = request.idempotency_key, _question(request)
    earlier = tx.execute(
        select(runs.c.id, requests.c.question)
        .join(requests, requests.c.id == runs.c.request_id)
        .where(requests.c.idempotency_key == key)
    ).one()
    # As text: to Python, 1 and true are equal.
    if json.dumps(earlier.question, sort_keys=True) != json.dumps(question, sort_keys=True):
        raise IdempotencyConflict(key or "")
    return RunId(earlier.id)


def _save_run(tx: Transaction, request_id: UUID, request: Request, gate: Gate) -> RunId:
    asked = gate.policy.mode is not Mode.OFF
    return _insert_run(
        tx,
        request_id,
        gate,
        request.batch,
        rule_set_hash=gate.rule_set.hash,
        state=(RunState.QUEUED if asked else RunState.CANCELLED).value,
        message="" if asked else "the gate is off, so nothing was judged",
        queued_at=func.clock_timestamp() if asked else None,
    )


def save_trial(tx: Transaction, request_id: RequestId, gate: Gate, trial: Trial) -> RunId:
    """Store a run for the trial; it is carried out whatever the mode of its gate."""
    return _insert_run(
        tx,
        request_id,
        gate,
        trial.batch,
        rule_set_hash=trial.rule_set.hash,
        purpose=trial.purpose.value,
        compares_with=trial.compares_with,
        state=RunState.QUEUED.value,
        queued_at=func.clock_timestamp(),
    )


def _insert_run(
    tx: Transaction, request_id: UUID, gate: Gate, batch: Batch | None, **values: object
) -> RunId:
    stored = {"batch": render_batch(batch) if batch else None, **values}
    statement = insert(runs).values(id=uuid4(), request_id=request_id, gate_id=gate.id, **stored)
    return RunId(tx.execute(statement.returning(runs.c.id)).scalar_one())


def set_job(tx: Transaction, run_id: RunId, job_id: int) -> None:
    """Note which job of the queue carries the run."""
    tx.execute(update(runs).where(runs.c.id == run_id).values(job_id=job_id))
