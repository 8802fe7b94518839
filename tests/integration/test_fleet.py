"""Runners say that they are there; runs go to the pool that their gate names."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from gatekeeper import flow
from gatekeeper.configuration.apply import apply_configuration
from gatekeeper.domain.fleet import LaneState
from gatekeeper.domain.rule import RuleType
from gatekeeper.domain.run import Request, RunId, Trigger
from gatekeeper.fleet import Presence
from gatekeeper.queue.depth import count_waiting
from gatekeeper.queue.jobs import Queue
from gatekeeper.queue.recovery import recover
from gatekeeper.store.engine import Store
from runner.lanes import Lanes
from tests.integration.conftest import GATES
from tests.integration.test_recovery import sql

LANES = [LaneState(0, 41, 7, 180, None), LaneState(1, 42, 3, 170, "a-run")]


@pytest.fixture
def runner(gates: Store) -> Presence:
    return Presence(gates, "1.2.3", ["default", "eu"], lambda: LANES)


def listed(client: FlaskClient) -> list[dict[str, object]]:
    items: list[dict[str, object]] = client.get("/api/v1/runners").get_json()["items"]
    return items


def test_a_runner_is_shown_from_its_first_word_to_its_last(
    client: FlaskClient, runner: Presence
) -> None:
    assert listed(client) == []
    runner.beat()
    (shown,) = listed(client)
    assert (shown["version"], shown["pools"]) == ("1.2.3", ["default", "eu"])
    assert shown["state"] == "running"
    assert shown["lanes"] == [
        {"number": 0, "pid": 41, "runs": 7, "mebibytes": 180, "run_id": None},
        {"number": 1, "pid": 42, "runs": 3, "mebibytes": 170, "run_id": "a-run"},
    ]
    runner.drain()
    runner.beat()
    (draining,) = listed(client)
    assert draining["state"] == "draining"
    assert draining["started_at"] == shown["started_at"]
    assert str(draining["beat_at"]) > str(shown["beat_at"])
    runner.close()
    assert listed(client) == []


def test_a_runner_that_is_silent_is_lost_and_later_forgotten(
    client: FlaskClient, runner: Presence, gates: Store
) -> None:
    runner.beat()
    sql(gates, "update runners set beat_at = now() - interval '16 seconds'")
    assert [each["state"] for each in listed(client)] == ["lost"]
    flow.forget(gates)
    assert len(listed(client)) == 1
    sql(gates, "update runners set beat_at = now() - interval '25 hours'")
    flow.forget(gates)
    assert listed(client) == []
    runner.beat()
    assert [each["state"] for each in listed(client)] == ["running"]


def test_a_lane_tells_what_it_is_at(lanes: Lanes) -> None:
    (lane,) = lanes.states()
    assert (lane.number, lane.runs, lane.run_id) == (0, 0, None)
    assert lane.mebibytes > 0


Place = Callable[..., RunId]


@pytest.fixture
def place(gates: Store, queue: Queue, rule_types: dict[str, RuleType]) -> Place:
    """Gives warehouse and gate a pool; asks the gate."""

    def place(of_warehouse: str = "", of_gate: str = "") -> RunId:
        text = GATES.format(host="h")
        if of_warehouse:
            text = text.replace("name: shop\n", f"name: shop\n    pool: {of_warehouse}\n", 1)
        if of_gate:
            text = text.replace("shop.orders\n", f"shop.orders\n    pool: {of_gate}\n", 1)
        apply_configuration(gates, rule_types, text)
        return flow.receive(gates, queue, Request("shop.orders", Trigger.HTTP)).run.id

    return place


def queues(gates: Store) -> list[str]:
    return [name for (name,) in sql(gates, "select queue_name from procrastinate_jobs order by id")]


@pytest.mark.parametrize(
    ("of_warehouse", "of_gate", "expected"),
    [
        ("", "", "runs"),
        ("eu", "", "runs.eu"),
        ("eu", "gpu", "runs.gpu"),
        ("eu", "default", "runs"),
    ],
)
def test_a_run_waits_for_the_runners_of_its_pool(
    place: Place, gates: Store, of_warehouse: str, of_gate: str, expected: str
) -> None:
    place(of_warehouse, of_gate)
    assert queues(gates) == [expected]
    assert count_waiting(gates) == 1


def test_a_run_that_was_lost_goes_back_to_its_own_pool(
    place: Place, gates: Store, queue: Queue
) -> None:
    place("eu")
    sql(gates, "delete from procrastinate_jobs")
    recover(gates, queue)
    assert queues(gates) == ["runs.eu"]


def test_what_waits_follows_its_gate_to_another_pool(
    place: Place, gates: Store, queue: Queue
) -> None:
    place("ue")
    recover(gates, queue)
    assert queues(gates) == ["runs.ue"]
    place("eu")
    recover(gates, queue)
    assert queues(gates) == ["runs.eu"] * 2
    place("default")
    recover(gates, queue)
    assert queues(gates) == ["runs"] * 3


def test_a_gate_shows_its_pool(place: Place, client: FlaskClient) -> None:
    place("eu")
    assert client.get("/api/v1/gates/shop.orders").get_json()["pool"] == "eu"
    place("eu", "gpu")
    assert client.get("/api/v1/gates/shop.orders").get_json()["pool"] == "gpu"
