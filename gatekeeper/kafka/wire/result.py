"""The way out: a run becomes the record that tells its verdict."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from gatekeeper.domain.batch import render_batch
from gatekeeper.domain.run import Counts, Run, Trigger
from gatekeeper.domain.verdict import Verdict


class ResultMessage(BaseModel):
    """What a run came to: its verdict and what was counted, without rows and without checks.

    `message_id` is the same when the message is sent again. `request_id` is what the asker called
    the question, else StringX's own id of it. `verdict` and `open` are null where the gate is off.
    """

    model_config = ConfigDict(frozen=True)

    message_id: str
    request_id: str
    run_id: UUID
    warehouse: str
    table: str
    trigger: Trigger
    correlation_id: str | None
    batch: dict[str, Any] | None
    rule_set: str
    verdict: Verdict | None
    open: bool | None
    message: str
    counts: Counts | None
    received_at: datetime
    finished_at: datetime | None


def encode_json(result: ResultMessage) -> bytes:
    """Write it as JSON."""
    return result.model_dump_json().encode()


def render_result(
    run: Run,
    message_id: str,
    request_id: str | None = None,
    encode: Callable[[ResultMessage], bytes] = encode_json,
) -> tuple[bytes, bytes, list[tuple[str, bytes]]]:
    """Give key, value and headers of the run's result; `request_id` is what the asker called it."""
    result = ResultMessage(
        message_id=message_id,
        request_id=request_id or str(run.request_id),
        run_id=run.id,
        warehouse=run.warehouse,
        table=run.table,
        trigger=run.trigger,
        correlation_id=run.correlation_id,
        batch=render_batch(run.batch) if run.batch else None,
        rule_set=run.rule_set_hash,
        verdict=run.verdict,
        open=run.open,
        message=run.message,
        counts=run.counts,
        received_at=run.received_at,
        finished_at=run.finished_at,
    )
    return run.table.encode(), encode(result), _headers(result)


def _headers(result: ResultMessage) -> list[tuple[str, bytes]]:
    told = {
        "verdict": result.verdict,
        "open": None if result.open is None else str(result.open).lower(),
        "request_id": result.request_id,
        "correlation_id": result.correlation_id,
        "message_id": result.message_id,
    }
    return [(name, value.encode()) for name, value in told.items() if value is not None]
