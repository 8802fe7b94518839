"""Requests that came together are stored together, each for itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gatekeeper import flow
from gatekeeper.domain.batch import Values
from gatekeeper.domain.errors import GateHasNoRules, IdempotencyConflict, UnknownGate
from gatekeeper.domain.run import Origin, Request, Trigger
from gatekeeper.queue.jobs import Queue
from gatekeeper.store.engine import Store
from tests.integration.test_flow import count
from tests.integration.test_recovery import sql


def record(offset: int, table: str = "shop.orders", key: str | None = None) -> Request:
    origin = Origin("triggers", 0, offset)
    return Request(table, Trigger.KAFKA, idempotency_key=key, origin=origin)


def refusals(gates: Store, queue: Queue, *requests: Request) -> list[type | None]:
    found = flow.receive_many(gates, queue, requests)
    return [None if each is None else type(each) for each in found]


def test_each_is_a_request_with_a_run_and_a_job(gates: Store, queue: Queue) -> None:
    assert refusals(gates, queue, *map(record, range(50))) == [None] * 50
    assert [count(gates, table) for table in ("requests", "runs", "procrastinate_jobs")] == [50] * 3
    linked = "select 1 from runs join procrastinate_jobs job on job.id = runs.job_id"
    matching = f"{linked} and job.args->>'run_id' = runs.id::text"
    assert len(sql(gates, matching)) == 50


def test_what_is_refused_keeps_no_other_out(gates: Store, queue: Queue) -> None:
    found = refusals(
        gates,
        queue,
        record(1),
        record(2, "shop.gone"),
        record(3, "shop.unruly"),
        record(4, "shop.off"),
        record(5, "shop.customers"),
    )
    assert found == [None, UnknownGate, GateHasNoRules, None, None]
    states = sql(gates, "select state, count(*)::int from runs group by 1 order by 1")
    assert states == [("cancelled", 1), ("queued", 2)]


def test_a_record_that_comes_again_is_taken_once(gates: Store, queue: Queue) -> None:
    poll = [record(1), record(2, key="k"), record(3)]
    assert refusals(gates, queue, *poll) == [None] * 3
    assert refusals(gates, queue, *poll, record(4)) == [None] * 4
    assert count(gates, "runs") == 4


def test_one_key_is_one_run_in_a_poll_and_over_polls(gates: Store, queue: Queue) -> None:
    assert refusals(gates, queue, record(1, key="k"), record(2, key="k")) == [None] * 2
    assert refusals(gates, queue, record(3, key="k")) == [None]
    assert count(gates, "runs") == 1


@pytest.mark.parametrize("offsets", [(1, 2), (1, 1)])
def test_a_key_with_another_question_is_refused(
    gates: Store, queue: Queue, offsets: tuple[int, int]
) -> None:
    first, second = (record(offset, key="k") for offset in offsets)
    other = replace(second, batch=Values("id", (1,)))
    assert refusals(gates, queue, first) == [None]
    assert refusals(gates, queue, other, record(9)) == [IdempotencyConflict, None]
    assert count(gates, "runs") == 2


def test_a_key_of_http_is_the_same_key(gates: Store, queue: Queue) -> None:
    run = flow.receive(gates, queue, Request("shop.orders", Trigger.HTTP, idempotency_key="k")).run
    assert refusals(gates, queue, record(1, key="k")) == [None]
    assert sql(gates, "select id from runs") == [(run.id,)]


def test_a_record_that_was_taken_is_no_dead_letter_once_its_gate_has_no_rules(
    gates: Store, queue: Queue
) -> None:
    assert refusals(gates, queue, record(1)) == [None]
    sql(gates, "delete from rules")
    assert refusals(gates, queue, record(1), record(2)) == [None, GateHasNoRules]
