"""What was asked, stored with the run that will answer it."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from gatekeeper.domain.batch import render_batch
from gatekeeper.domain.errors import IdempotencyConflict
from gatekeeper.domain.gate import Gate, Mode
from gatekeeper.domain.run import Request, RunId, RunState
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
    question = _question(request)
    request_id = tx.execute(
        insert(requests)
        .values(
            id=uuid4(),
            gate_id=gate.id,
            trigger=request.trigger.value,
            idempotency_key=request.idempotency_key,
            question=question,
            correlation_id=request.correlation_id,
            received_at=received_at,
        )
        .on_conflict_do_nothing(index_elements=["idempotency_key"])
        .returning(requests.c.id)
    ).scalar()
    if request_id is None:
        return _earlier_run(tx, request.idempotency_key, question), False
    return _save_run(tx, request_id, request, gate), True


def _question(request: Request) -> dict[str, Any]:
    return {
        "table": request.table,
        "warehouse": request.warehouse,
        "batch": render_batch(request.batch) if request.batch else None,
        "correlation_id": request.correlation_id,
    }


def _earlier_run(tx: Transaction, key: str | None, question: dict[str, Any]) -> RunId:
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
    return RunId(
        tx.execute(
            insert(runs)
            .values(
                id=uuid4(),
                request_id=request_id,
                gate_id=gate.id,
                rule_set_hash=gate.rule_set.hash,
                batch=render_batch(request.batch) if request.batch else None,
                state=(RunState.QUEUED if asked else RunState.CANCELLED).value,
                message="" if asked else "the gate is off, so nothing was judged",
                queued_at=func.clock_timestamp() if asked else None,
            )
            .returning(runs.c.id)
        ).scalar_one()
    )


def set_job(tx: Transaction, run_id: RunId, job_id: int) -> None:
    """Note which job of the queue carries the run."""
    tx.execute(update(runs).where(runs.c.id == run_id).values(job_id=job_id))
