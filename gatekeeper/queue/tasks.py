"""What the jobs do: each task is a thin body around one stage of the flow."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import procrastinate
from procrastinate import builtin_tasks, jobs
from procrastinate.retry import BaseRetryStrategy, RetryDecision, RetryStrategy

from gatekeeper.domain.errors import AttemptReleased
from gatekeeper.domain.run import RunId
from gatekeeper.queue.jobs import (
    ACKNOWLEDGE_QUEUE,
    ACKNOWLEDGE_TASK,
    LOOK_TASK,
    RUN_QUEUE,
    RUN_TASK,
)

MAINTENANCE_QUEUE = "maintenance"
KEEP_FAILED_JOBS_HOURS = 7 * 24

RunStage = Callable[[RunId], None]


class ReleasedRunsAgain(BaseRetryStrategy):
    """Try a released run again, a little later each time. The flow counts the attempts; anything
    else that a job raises is a defect, and is left for recovery to find.
    """

    def get_retry_decision(
        self,
        *,
        exception: BaseException,
        job: jobs.Job,  # noqa: ARG002 - procrastinate's signature
    ) -> RetryDecision | None:
        """Wait 1, 2, 4 ... seconds after the first, second, third attempt."""
        if not isinstance(exception, AttemptReleased):
            return None
        return RetryDecision(retry_in={"seconds": 2 ** (exception.attempt - 1)})


def build_runner_app(
    conninfo: str, run: RunStage, look: Callable[[int], None]
) -> procrastinate.App:
    """The runner's tasks: `run` carries one attempt on a run through, `look` looks whether a gate's
    table has grown.
    """
    app = _build_app(conninfo)

    @app.task(name=RUN_TASK, queue=RUN_QUEUE, retry=ReleasedRunsAgain())
    def run_task(run_id: str) -> None:
        run(RunId(UUID(run_id)))

    @app.task(name=LOOK_TASK, queue=RUN_QUEUE)
    def look_task(gate_id: int) -> None:
        look(gate_id)

    return app


def build_worker_app(
    conninfo: str, acknowledge: RunStage, forget: Callable[[], None]
) -> procrastinate.App:
    """The worker's tasks: answers to whoever asked, and forgetting what may not be kept."""
    app = _build_app(conninfo)

    @app.task(
        name=ACKNOWLEDGE_TASK,
        queue=ACKNOWLEDGE_QUEUE,
        retry=RetryStrategy(max_attempts=10, exponential_wait=2),
    )
    def acknowledge_task(run_id: str) -> None:
        acknowledge(RunId(UUID(run_id)))

    @app.periodic(cron="*/10 * * * *")
    @app.task(name="forget", queue=MAINTENANCE_QUEUE)
    def forget_task(timestamp: int) -> None:  # noqa: ARG001 - given to every periodic task
        forget()

    @app.periodic(cron="17 3 * * *")
    @app.task(name="forget_old_jobs", queue=MAINTENANCE_QUEUE, pass_context=True)
    async def forget_old_jobs(
        context: procrastinate.JobContext,
        timestamp: int,  # noqa: ARG001 - given to every periodic task
    ) -> None:
        await builtin_tasks.remove_old_jobs(
            context, max_hours=KEEP_FAILED_JOBS_HOURS, remove_failed=True
        )

    return app


def _build_app(conninfo: str) -> procrastinate.App:
    return procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=conninfo))
