"""Putting jobs on the queue, inside the caller's own transaction."""

from __future__ import annotations

from typing import Any, cast

import procrastinate
import psycopg

from gatekeeper.domain.batch import Batch, batch_key
from gatekeeper.domain.run import Purpose, RunId
from gatekeeper.store.engine import Transaction

RUN_QUEUE = "runs"
RUN_TASK = "run"
ACKNOWLEDGE_QUEUE = "acknowledgements"
ACKNOWLEDGE_TASK = "acknowledge"

PRIORITY = {Purpose.JUDGE: 0, Purpose.TRY: -1, Purpose.BACKTEST: -2}
"""Of the runs that wait, those of the highest are taken first."""


class Queue:
    """The producing side. Its app is never opened: it has no connection of its own, so a job can
    only be written by the transaction that needs it.
    """

    def __init__(self) -> None:
        self._app = procrastinate.App(connector=procrastinate.PsycopgConnector())

    def defer_run(
        self,
        tx: Transaction,
        run_id: RunId,
        gate_id: int,
        batch: Batch | None,
        purpose: Purpose = Purpose.JUDGE,
    ) -> int:
        """Queue the run. Gives the job's id.

        Runs that judge the same gate and batch never overlap. Trials never hold these up: those of
        a gate go one after another, so that however many there are the other lanes stay free.
        """
        judges = purpose is Purpose.JUDGE
        lock = f"{gate_id}:{batch_key(batch)}" if judges else f"{purpose}:{gate_id}"
        return self._defer(tx, RUN_TASK, RUN_QUEUE, run_id, lock=lock, priority=PRIORITY[purpose])

    def defer_acknowledgement(self, tx: Transaction, run_id: RunId) -> int:
        """Queue the giving of the answer to whoever asked."""
        return self._defer(tx, ACKNOWLEDGE_TASK, ACKNOWLEDGE_QUEUE, run_id)

    def _defer(
        self,
        tx: Transaction,
        task: str,
        queue: str,
        run_id: RunId,
        *,
        lock: str | None = None,
        priority: int = 0,
    ) -> int:
        deferrer = self._app.configure_task(
            task, queue=queue, lock=lock, priority=priority, connection=driver_connection(tx)
        )
        return deferrer.defer(run_id=str(run_id))


def driver_connection(tx: Transaction) -> psycopg.Connection[Any]:
    """The driver's connection that the transaction runs on."""
    return cast("psycopg.Connection[Any]", tx.connection.driver_connection)
