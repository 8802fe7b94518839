"""Requests that came together are stored together, each for itself."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace

import pytest
from structlog.testing import capture_logs

from gatekeeper import flow
from gatekeeper.configuration.apply import apply_configuration
from gatekeeper.domain.batch import Values
from gatekeeper.domain.errors import GateHasNoRules, IdempotencyConflict, UnknownGate
from gatekeeper.domain.rule import RuleType
from gatekeeper.domain.run import Origin, Request, Trigger
from gatekeeper.kafka.intake import Intake
from gatekeeper.queue.jobs import Queue
from gatekeeper.store.engine import Store
from tests.integration.conftest import GATES
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


def test_a_gate_that_is_off_owes_an_answer_to_who_asked_over_kafka(
    gates: Store, queue: Queue
) -> None:
    over_http = flow.receive(gates, queue, Request("shop.off", Trigger.HTTP)).run
    assert over_http.is_over
    poll = [record(1, "shop.off"), record(2), replace(record(3), table="shop.off")]
    assert refusals(gates, queue, *poll, *poll) == [None] * 6
    owed = (
        'select "offset", channel from acknowledgements join runs on runs.id = run_id '
        "join requests on requests.id = request_id order by acknowledgements.position"
    )
    assert sql(gates, owed) == [(1, "kafka"), (3, "kafka")]


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


@dataclass
class Sent:
    """A record as kafka-python gives it, as far as the intake reads it."""

    value: bytes | None
    offset: int
    topic: str = "triggers"
    partition: int = 0
    timestamp: int = 0
    key: bytes | None = None
    headers: list[tuple[str, bytes | None]] = field(default_factory=list)


def send(gates: Store, queue: Queue, *bodies: object) -> dict[int, str]:
    """Take records with these bodies; gives why some were refused, by their number."""
    records = [
        Sent(None if body is None else json.dumps(body).encode(), at)
        for at, body in enumerate(bodies)
    ]
    return {each.record.offset: str(each.error) for each in Intake(gates, queue)(records)}


def test_each_form_of_a_record_asks_a_gate_or_says_why_not(gates: Store, queue: Queue) -> None:
    event = {"specversion": "1.0", "type": "stringx.trigger", "source": "a", "id": "e1"}
    change = {"op": "c", "before": None, "after": {"id": 1}, "source": {"db": "w", "table": "t"}}
    refused = send(
        gates,
        queue,
        {"table": "shop.orders", "request_id": "p1"},
        {**event, "data": {"table": "shop.orders"}},
        None,
        change,
        {"dataset": "postgres://nowhere:5432/warehouse.shop.orders"},
        {"table": "shop.orders", "more": 1},
    )
    assert sorted(refused) == [4, 5]
    assert "no warehouse is known at nowhere:5432/warehouse" in refused[4]
    assert refused[5] == "more: no such field"
    keys = sql(gates, 'select idempotency_key, trigger, "offset" from requests order by "offset"')
    assert keys == [("p1", "kafka", 0), ("e1", "kafka", 1)]


def test_a_table_that_no_gate_watches_is_named_once(gates: Store, queue: Queue) -> None:
    intake = Intake(gates, queue)
    source = {"db": "warehouse", "schema": "shop", "table": "orders"}
    value = json.dumps({"op": "c", "after": {"id": 1}, "source": source}).encode()
    with capture_logs() as logs:
        assert [*intake([Sent(value, 1), Sent(value, 2)]), *intake([Sent(value, 3)])] == []
    named = [entry["table"] for entry in logs if entry["action"] == "unwatched"]
    assert named == ["warehouse.shop.orders"]


def test_a_dataset_finds_its_warehouse_by_where_that_is(
    gates: Store, queue: Queue, rule_types: dict[str, RuleType]
) -> None:
    twin = GATES.format(host="db.example").replace("name: shop", "name: twin")
    apply_configuration(gates, rule_types, twin.replace("warehouse: shop", "warehouse: twin"))
    asked = {"dataset": "postgres://db.example:5432/warehouse.shop.orders"}
    assert send(gates, queue, asked) == {}
    run = "select warehouse.name from runs join gates on gates.id = runs.gate_id "
    found = sql(gates, f"{run} join warehouses warehouse on warehouse.id = gates.warehouse_id")
    assert found == [("twin",)]
