"""The result: what a run came to, as it is told on Kafka and at a callback's URL."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from gatekeeper.domain.batch import render_batch
from gatekeeper.domain.run import Counts, Run, RunState, Trigger
from gatekeeper.domain.verdict import Verdict


class ResultMessage(BaseModel):
    """What a run came to: its verdict and what was counted, without rows and without checks.

    `message_id` is the same when the message is sent again. `request_id` is what the asker called
    the question, else StringX's own id of it. `rules` are those that were asked for, null for all:
    of a part the verdict is not the gate's, and `open` is null. `state` is
    `finished`, or `cancelled` where the gate is off; `verdict` and `open` are null there.
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
    rules: list[str] | None
    state: RunState
    verdict: Verdict | None
    open: bool | None
    message: str
    counts: Counts | None
    received_at: datetime
    finished_at: datetime | None


def build_result(run: Run, asked: str | None = None) -> ResultMessage:
    """Give the run's result; `asked` is what its asker called the request."""
    return ResultMessage(
        message_id=str(run.id),
        request_id=asked or str(run.request_id),
        run_id=run.id,
        warehouse=run.warehouse,
        table=run.table,
        trigger=run.trigger,
        correlation_id=run.correlation_id,
        batch=render_batch(run.batch) if run.batch else None,
        rule_set=run.rule_set_hash,
        rules=list(run.rules) if run.rules else None,
        state=run.state,
        verdict=run.verdict,
        open=run.open,
        message=run.message,
        counts=run.counts,
        received_at=run.received_at,
        finished_at=run.finished_at,
    )


def encode_json(result: ResultMessage) -> bytes:
    """Write it as JSON."""
    return result.model_dump_json().encode()
