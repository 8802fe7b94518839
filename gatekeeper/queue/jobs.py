"""Putting jobs on the queue, inside the caller's own transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

import procrastinate
import psycopg
from procrastinate.jobs import Job

from gatekeeper.domain.batch import Batch, batch_key
from gatekeeper.domain.fleet import DEFAULT_POOL
from gatekeeper.domain.run import Purpose, RunId
from gatekeeper.store.engine import Transaction

RUN_QUEUE = "runs"
"""The queue of the default pool; every other pool's is named after it."""

RUN_TASK = "run"
LOOK_TASK = "look"
ACKNOWLEDGE_QUEUE = "acknowledgements"
ACKNOWLEDGE_TASK = "acknowledge"

PRIORITY = {Purpose.JUDGE: 0, Purpose.TRY: -1, Purpose.BACKTEST: -2}
"""Of the runs that wait, those of the highest are taken first."""


@dataclass(frozen=True)
class RunJob:
    """What the queue must know of a run. `pool` is that of the runners that may take it."""

    run_id: RunId
    gate_id: int
    batch: Batch | None
    pool: str
    purpose: Purpose = Purpose.JUDGE

    @property
    def lock(self) -> str:
        """What no two runs under way may share.

        Runs that judge the same gate and batch never overlap. Trials never hold these up: those of
        a gate go one after another, so that however many there are the other lanes stay free.
        """
        if self.purpose is Purpose.JUDGE:
            return f"{self.gate_id}:{batch_key(self.batch)}"
        return f"{self.purpose}:{self.gate_id}"


class Queue:
    """The producing side. Its app is never opened: it has no connection of its own, so a job can
    only be written by the transaction that needs it.
    """

    def __init__(self) -> None:
        self._app = procrastinate.App(connector=procrastinate.PsycopgConnector())

    def defer_runs(self, tx: Transaction, runs: Sequence[RunJob]) -> dict[RunId, int]:
        """Queue the runs, in one statement. Gives their jobs' ids."""
        jobs = [self._build_job(tx, run) for run in runs]
        if not jobs:
            return {}
        connection = driver_connection(tx)
        deferred = self._app.job_manager.batch_defer_jobs(jobs, connection=connection)
        return {
            RunId(UUID(str(job.task_kwargs["run_id"]))): cast("int", job.id) for job in deferred
        }

    def _build_job(self, tx: Transaction, run: RunJob) -> Job:
        deferrer = self._app.configure_task(
            RUN_TASK,
            queue=name_queue(run.pool),
            lock=run.lock,
            priority=PRIORITY[run.purpose],
            connection=driver_connection(tx),
        )
        return deferrer.make_new_job(run_id=str(run.run_id))

    def defer_look(self, tx: Transaction, gate_id: int, pool: str) -> int:
        """Queue a look at the gate's table."""
        deferrer = self._app.configure_task(
            LOOK_TASK,
            queue=name_queue(pool),
            lock=f"look:{gate_id}",
            connection=driver_connection(tx),
        )
        return deferrer.defer(gate_id=gate_id)

    def defer_acknowledgement(self, tx: Transaction, run_id: RunId) -> int:
        """Queue the giving of the answer to whoever asked."""
        deferrer = self._app.configure_task(
            ACKNOWLEDGE_TASK, queue=ACKNOWLEDGE_QUEUE, connection=driver_connection(tx)
        )
        return deferrer.defer(run_id=str(run_id))


def name_queue(pool: str) -> str:
    """Give the queue that the runs of a pool wait in."""
    return RUN_QUEUE if pool == DEFAULT_POOL else f"{RUN_QUEUE}.{pool}"


def driver_connection(tx: Transaction) -> psycopg.Connection[Any]:
    """The driver's connection that the transaction runs on."""
    return cast("psycopg.Connection[Any]", tx.connection.driver_connection)
