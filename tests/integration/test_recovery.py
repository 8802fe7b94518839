"""What a crash leaves behind is found, and put back on the queue."""

from __future__ import annotations

from typing import Any

import pytest

from gatekeeper import flow
from gatekeeper.domain.rule import RuleType
from gatekeeper.domain.run import Request, RunId, RunState, Trigger
from gatekeeper.queue.jobs import Queue, driver_connection
from gatekeeper.queue.recovery import recover
from gatekeeper.store.engine import Store
from tests.integration.conftest import nothing_wrong, present
from tests.integration.test_flow import ORDERS, load


def sql(store: Store, statement: str, *values: object) -> list[tuple[Any, ...]]:
    with store.transaction() as tx:
        cursor = driver_connection(tx).execute(statement, values)
        return cursor.fetchall() if cursor.description else []


def jobs(store: Store) -> list[tuple[Any, ...]]:
    return sql(store, "select status::text, attempts from procrastinate_jobs order by id")


@pytest.fixture
def started(gates: Store, queue: Queue) -> RunId:
    """A run whose job is held by a worker that beats."""
    run_id = flow.receive(gates, queue, ORDERS).run.id
    ((worker,),) = sql(gates, "select worker_id from procrastinate_register_worker_v1()")
    sql(gates, "select * from procrastinate_fetch_job_v2(null, %s)", worker)
    flow.plan(gates, run_id)
    return run_id


def test_a_worker_that_beats_keeps_its_job(gates: Store, queue: Queue, started: RunId) -> None:
    recover(gates, queue)
    assert jobs(gates) == [("doing", 0)]


def test_a_job_is_taken_from_a_worker_that_stopped_beating(
    gates: Store, queue: Queue, started: RunId
) -> None:
    sql(gates, "update procrastinate_workers set last_heartbeat = now() - interval '1 minute'")
    recover(gates, queue)
    assert jobs(gates) == [("todo", 1)]
    flow.run_attempt(gates, queue, nothing_wrong, started)
    assert load(gates, started).attempts == 2


def test_a_job_is_taken_from_a_worker_that_is_gone(
    gates: Store, queue: Queue, started: RunId
) -> None:
    sql(gates, "delete from procrastinate_workers")
    recover(gates, queue)
    assert jobs(gates) == [("todo", 1)]


@pytest.mark.parametrize("column", ["deadline_at", "finished_at"])
def test_a_job_is_not_held_long_after_its_run_should_have_ended(
    gates: Store, queue: Queue, started: RunId, column: str
) -> None:
    sql(gates, f"update runs set {column} = now() - interval '2 minutes'")
    recover(gates, queue)
    assert jobs(gates) == [("todo", 1)]


def test_a_trial_that_no_job_carries_is_put_back_as_one(
    gates: Store, queue: Queue, rule_types: dict[str, RuleType]
) -> None:
    flow.receive_try(gates, queue, ORDERS, present("amount", rule_types))
    before = sql(gates, "select priority, lock from procrastinate_jobs")
    sql(gates, "delete from procrastinate_jobs")
    recover(gates, queue)
    assert sql(gates, "select priority, lock from procrastinate_jobs") == before


@pytest.mark.parametrize("state", ["queued", "running"])
@pytest.mark.parametrize(
    "loss", ["delete from procrastinate_jobs", "update procrastinate_jobs set status = 'failed'"]
)
def test_a_run_that_no_job_carries_gets_a_new_one(
    gates: Store, queue: Queue, state: str, loss: str
) -> None:
    run_id = flow.receive(gates, queue, ORDERS).run.id
    sql(gates, "update runs set state = %s", state)
    sql(gates, loss)
    recover(gates, queue)
    recover(gates, queue)
    assert [job for job in jobs(gates) if job[0] == "todo"] == [("todo", 0)]
    flow.run_attempt(gates, queue, nothing_wrong, run_id)
    assert load(gates, run_id).state is RunState.FINISHED


def test_a_run_that_is_over_is_left_alone(gates: Store, queue: Queue) -> None:
    run_id = flow.receive(gates, queue, ORDERS).run.id
    flow.run_attempt(gates, queue, nothing_wrong, run_id)
    flow.receive(gates, queue, Request("shop.off", Trigger.HTTP))
    sql(gates, "delete from procrastinate_jobs")
    recover(gates, queue)
    assert jobs(gates) == []
