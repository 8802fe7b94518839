"""Processes that take jobs off the queue: the worker and, around its lanes, the runner."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import procrastinate
import psycopg
import structlog
from procrastinate import utils
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import DeleteJobCondition
from procrastinate.worker import Worker

log = structlog.get_logger(__name__)

HEARTBEAT_SECONDS = 3.0
STALLED_SECONDS = 15.0
AGAIN_SECONDS = 1.0

SideTask = Callable[[], Coroutine[Any, Any, None]]


class DrainSafeWorker(Worker):
    """A worker whose heart beats on while it drains.

    procrastinate 3.10 stops the heartbeat together with the other side tasks when it is asked to
    stop, so a worker that drains for longer than STALLED_SECONDS looks dead and its jobs are
    given to another. `on_drained_out` is called when the time to drain is over and jobs still run:
    a job runs in a thread, which can't be ended from outside.
    """

    def __init__(self, *, on_drained_out: Callable[[], None], **options: Any) -> None:
        super().__init__(**options)
        self._on_drained_out = on_drained_out

    async def _shutdown(self, side_tasks: list[asyncio.Task[Any]]) -> None:
        beating = [task for task in side_tasks if task.get_name() == "update_heartbeats"]
        others = [task for task in side_tasks if task not in beating]
        await utils.cancel_and_capture_errors(others)
        try:
            await super()._shutdown(side_tasks=[])
        finally:
            await utils.cancel_and_capture_errors(beating)

    async def _periodic_deferrer(self) -> None:
        # Without periodic tasks it ends at once, and with it the watch over the other side tasks.
        await super()._periodic_deferrer()  # type: ignore[no-untyped-call]
        await asyncio.Event().wait()

    async def _abort_running_jobs(self) -> None:
        await asyncio.to_thread(self._on_drained_out)
        await super()._abort_running_jobs()  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class WorkerOptions:
    """How a process takes jobs. What is `beside` runs along with it, also while it drains;
    `on_draining` is called when that begins.
    """

    name: str
    queues: list[str]
    concurrency: int
    drain_seconds: float
    on_draining: Callable[[], None] = lambda: None
    on_drained_out: Callable[[], None] = lambda: None
    beside: Sequence[SideTask] = ()


def run_worker(app: procrastinate.App, options: WorkerOptions) -> None:
    """Take jobs until SIGTERM or SIGINT, then finish those under way. What a task beside it raises
    ends it likewise, and is raised.
    """
    asyncio.run(_run(app, options))


async def _run(app: procrastinate.App, options: WorkerOptions) -> None:
    loop = asyncio.get_running_loop()
    # asyncio's own executor has cores + 4 threads, and would hold jobs back that count as started.
    threads = options.concurrency + len(options.beside) + 4
    loop.set_default_executor(ThreadPoolExecutor(threads, options.name))
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    along = [asyncio.create_task(task()) for task in options.beside]
    for task in along:
        # Without one of them the process would only seem to be at work; it is better started again.
        task.add_done_callback(lambda _: stopping.set())
    try:
        while not stopping.is_set():
            await _run_until(stopping, app, options)
        for task in along:
            if task.done():
                task.result()
    finally:
        await utils.cancel_and_capture_errors(along)


async def _run_until(
    stopping: asyncio.Event, app: procrastinate.App, options: WorkerOptions
) -> None:
    """Run a worker; one that the store fails ends, and another begins once the store is back."""
    try:
        async with app.open_async():
            worker = _build_worker(app, options, stopping)
            stopper = asyncio.create_task(_stop(worker, stopping, options.on_draining))
            await worker.run()  # type: ignore[no-untyped-call]
            await utils.cancel_and_capture_errors([stopper])
    except (ConnectorException, psycopg.Error) as error:
        log.warning("waiting for the store", action="store_away", reason=type(error).__name__)
    if not stopping.is_set():
        await asyncio.sleep(AGAIN_SECONDS)


async def _stop(worker: Worker, stopping: asyncio.Event, on_draining: Callable[[], None]) -> None:
    await stopping.wait()
    on_draining()
    worker.stop()  # type: ignore[no-untyped-call]


def _build_worker(
    app: procrastinate.App, options: WorkerOptions, stopping: asyncio.Event
) -> Worker:
    def cut_short() -> None:
        # A worker also drains when the store fails it; then its jobs go on, and find it back.
        if stopping.is_set():
            options.on_drained_out()

    return DrainSafeWorker(
        app=app,
        name=options.name,
        queues=options.queues,
        concurrency=options.concurrency,
        shutdown_graceful_timeout=options.drain_seconds,
        on_drained_out=cut_short,
        # Nothing tells of a lock that becomes free, so a waiting run is found by polling.
        fetch_job_polling_interval=0.5,
        update_heartbeat_interval=HEARTBEAT_SECONDS,
        stalled_worker_timeout=STALLED_SECONDS,
        delete_jobs=DeleteJobCondition.SUCCESSFUL,
        install_signal_handlers=False,
    )
