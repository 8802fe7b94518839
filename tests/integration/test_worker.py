"""A worker that is asked to stop finishes what it does, and looks alive while it does."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from gatekeeper import flow
from gatekeeper.queue.jobs import Queue
from gatekeeper.queue.tasks import MAINTENANCE_QUEUE, build_worker_app
from gatekeeper.queue.worker import WorkerOptions, run_worker
from gatekeeper.settings import ROOT
from gatekeeper.store.engine import Store
from tests.integration.test_flow import ORDERS
from tests.integration.test_recovery import sql


@contextmanager
def worker(store: Store, seconds: float, drain: float) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "tests.integration.draining_worker"]
    arguments = [store.conninfo, str(seconds), str(drain)]
    with subprocess.Popen([*command, *arguments], cwd=ROOT) as process:
        try:
            yield process
        finally:
            process.kill()


def eventually(condition: Callable[[], bool], seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it never came to pass"
        time.sleep(0.05)


def status(store: Store) -> str | None:
    rows = sql(store, "select status::text from procrastinate_jobs")
    return str(rows[0][0]) if rows else None


def test_the_heart_beats_on_while_the_worker_drains(gates: Store, queue: Queue) -> None:
    flow.receive(gates, queue, ORDERS)
    with worker(gates, seconds=7, drain=30) as process:
        eventually(lambda: status(gates) == "doing")
        process.terminate()
        ((stopped,),) = sql(gates, "select now()")
        eventually(
            lambda: sql(gates, "select last_heartbeat from procrastinate_workers")[0][0] > stopped
        )
        assert process.poll() is None
        assert process.wait(20) == 0
    assert status(gates) is None
    assert sql(gates, "select * from procrastinate_workers") == []


def test_a_job_that_outlasts_the_drain_is_cut_short(gates: Store, queue: Queue) -> None:
    flow.receive(gates, queue, ORDERS)
    with worker(gates, seconds=100, drain=1) as process:
        eventually(lambda: status(gates) == "doing")
        process.terminate()
        assert process.wait(15) == 0
    assert status(gates) == "failed"


def test_failed_jobs_are_kept_for_a_week(gates: Store, queue: Queue) -> None:
    for _ in range(2):
        flow.receive(gates, queue, ORDERS)
    sql(gates, "update procrastinate_jobs set status = 'failed'")
    sql(
        gates,
        "update procrastinate_events set at = now() - interval '8 days' "
        "where job_id = (select min(id) from procrastinate_jobs)",
    )
    app = build_worker_app(gates.conninfo, lambda _: None, lambda: None)
    with app.open():
        app.configure_task("forget_old_jobs", queue=MAINTENANCE_QUEUE).defer(timestamp=0)
    app.run_worker(queues=[MAINTENANCE_QUEUE], wait=False, install_signal_handlers=False)
    assert sql(gates, "select count(*) from procrastinate_jobs where status = 'failed'") == [(1,)]


@pytest.mark.timeout(60)
def test_what_runs_beside_a_worker_and_fails_ends_it(gates: Store) -> None:
    async def fail() -> None:
        raise RuntimeError("unforeseen")

    app = build_worker_app(gates.conninfo, lambda _: None, lambda: None)
    options = WorkerOptions("test", [MAINTENANCE_QUEUE], 1, drain_seconds=5, beside=[fail])
    with pytest.raises(RuntimeError, match="unforeseen"):
        run_worker(app, options)
