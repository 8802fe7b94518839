"""Putting jobs on the queue, inside the caller's own transaction."""

from __future__ import annotations

from typing import Any, cast

import procrastinate
import psycopg

from gatekeeper.domain.batch import Batch, batch_key
from gatekeeper.domain.run import RunId
from gatekeeper.store.engine import Transaction

RUN_QUEUE = "runs"
RUN_TASK = "run"
ACKNOWLEDGE_QUEUE = "acknowledgements"
ACKNOWLEDGE_TASK = "acknowledge"


class Queue:
    """The producing side. Its app is never opened: it has no connection of its own, so a job can
    only be written by the transaction that needs it.
    """

    def __init__(self) -> None:
        self._app = procrastinate.App(connector=procrastinate.PsycopgConnector())

    def defer_run(self, tx: Transaction, run_id: RunId, gate_id: int, batch: Batch | None) -> int:
        """Queue the run; runs of one gate and batch never overlap. Gives the job's id."""
        lock = f"{gate_id}:{batch_key(batch)}"
        return self._defer(tx, RUN_TASK, RUN_QUEUE, run_id, lock=lock)

    def defer_acknowledgement(self, tx: Transaction, run_id: RunId) -> int:
        """Queue the giving of the answer to whoever asked."""
        return self._defer(tx, ACKNOWLEDGE_TASK, ACKNOWLEDGE_QUEUE, run_id)

    def _defer(
        self, tx: Transaction, task: str, queue: str, run_id: RunId, lock: str | None = None
    ) -> int:
        deferrer = self._app.configure_task(
            task, queue=queue, lock=lock, connection=driver_connection(tx)
        )
        return deferrer.defer(run_id=str(run_id))


def driver_connection(tx: Transaction) -> psycopg.Connection[Any]:
    """The driver's connection that the transaction runs on."""
    return cast("psycopg.Connection[Any]", tx.connection.driver_connection)
