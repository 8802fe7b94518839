"""Callbacks on a real store, to a real receiver: owed with the verdict, given at least once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from api.backend import Backend
from api.factory import create_app
from gatekeeper import flow
from gatekeeper.callbacks.caller import PAUSES, Caller
from gatekeeper.domain.batch import Values
from gatekeeper.domain.errors import IdempotencyConflict
from gatekeeper.domain.rule import RuleType
from gatekeeper.domain.run import CallbackState, Request, RunId, Trigger
from gatekeeper.kafka.wire import render_result
from gatekeeper.queue.jobs import Queue
from gatekeeper.store.callbacks import CLAIM, claim_callback
from gatekeeper.store.engine import Store
from tests.integration.conftest import nothing_wrong, present
from tests.integration.test_flow import ORDERS, load
from tests.integration.test_intake import send
from tests.integration.test_recovery import sql
from tests.receiver import Receiver, running_receiver

SECRET = b"a secret of twenty-four or more bytes"

Ask = Callable[..., RunId]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running_receiver() as receiver:
        yield receiver


@pytest.fixture
def caller(gates: Store, receiver: Receiver) -> Caller:
    return Caller(gates, [SECRET], receiver.host)


@pytest.fixture
def ask(gates: Store, queue: Queue, receiver: Receiver) -> Ask:
    """Asks for a callback, and has the run judged."""

    def ask(table: str = "shop.orders", key: str | None = None) -> RunId:
        url = f"{receiver.host}/hook?of={table}"
        wanted = Request(table, Trigger.HTTP, callback_url=url, idempotency_key=key)
        run_id = flow.receive(gates, queue, wanted).run.id
        flow.run_attempt(gates, queue, nothing_wrong, run_id)
        return run_id

    return ask


def callback(store: Store, run_id: RunId) -> tuple[CallbackState, int, str]:
    found = load(store, run_id).callback
    assert found is not None
    return found.state, found.attempts, found.message


def make_due(store: Store) -> None:
    sql(store, "update acknowledgements set due_at = now() where due_at is not null")


def test_the_result_is_posted_once_when_the_run_is_over(
    gates: Store, ask: Ask, caller: Caller, receiver: Receiver
) -> None:
    run_id = ask(key="load-17")
    assert callback(gates, run_id) == (CallbackState.WAITING, 0, "")
    assert caller.call()
    assert not caller.call()
    assert callback(gates, run_id) == (CallbackState.GIVEN, 1, "")
    (posted,) = receiver.posted
    _, as_on_kafka, _ = render_result(load(gates, run_id), "load-17")
    assert posted.body == as_on_kafka
    assert posted.path == "/hook?of=shop.orders"
    assert posted.headers["webhook-id"] == json.loads(posted.body)["message_id"] == str(run_id)
    assert posted.headers["content-type"] == "application/json"


def test_nothing_is_owed_before_the_verdict(
    gates: Store, queue: Queue, caller: Caller, receiver: Receiver
) -> None:
    wanted = replace(ORDERS, callback_url=f"{receiver.host}/")
    run_id = flow.receive(gates, queue, wanted).run.id
    assert not caller.call()
    assert callback(gates, run_id) == (CallbackState.WAITING, 0, "")


def test_who_asks_for_no_callback_gets_none(gates: Store, queue: Queue, caller: Caller) -> None:
    run_id = flow.receive(gates, queue, ORDERS).run.id
    flow.run_attempt(gates, queue, nothing_wrong, run_id)
    assert load(gates, run_id).callback is None
    assert not caller.call()


def test_a_gate_that_is_off_calls_back_too(ask: Ask, caller: Caller, receiver: Receiver) -> None:
    ask("shop.off")
    assert caller.call()
    body = json.loads(receiver.posted[0].body)
    assert (body["verdict"], body["open"]) == (None, None)
    assert "the gate is off" in body["message"]


def test_one_that_fails_is_tried_for_a_day_with_growing_pauses(
    gates: Store, ask: Ask, caller: Caller, receiver: Receiver
) -> None:
    run_id = ask()
    receiver.status = 503
    for attempt, pause in enumerate(PAUSES, start=1):
        assert caller.call()
        assert not caller.call()
        assert callback(gates, run_id) == (CallbackState.WAITING, attempt, "it answered 503")
        ((waits,),) = sql(gates, "select due_at - now() from acknowledgements where due_at > now()")
        assert pause - timedelta(seconds=5) < waits <= pause
        make_due(gates)
    assert caller.call()
    assert callback(gates, run_id) == (CallbackState.GIVEN_UP, 9, "it answered 503")
    make_due(gates)
    assert not caller.call()
    assert len({posted.headers["webhook-id"] for posted in receiver.posted}) == 1
    assert list(PAUSES) == sorted(PAUSES)
    assert timedelta(hours=20) < sum(PAUSES, timedelta()) < timedelta(hours=25)


def test_one_that_fails_first_is_given_in_the_end(
    gates: Store, ask: Ask, caller: Caller, receiver: Receiver
) -> None:
    run_id = ask()
    receiver.status = 500
    assert caller.call()
    receiver.status = 204
    make_due(gates)
    assert caller.call()
    assert callback(gates, run_id) == (CallbackState.GIVEN, 2, "")


def test_one_whose_worker_died_is_due_again(
    gates: Store, ask: Ask, caller: Caller, receiver: Receiver
) -> None:
    run_id = ask()
    with gates.transaction() as tx:
        died = claim_callback(tx, receiver.host)
    assert died is not None
    assert not caller.call()
    ((waits,),) = sql(gates, "select due_at - now() from acknowledgements where due_at > now()")
    assert waits <= CLAIM
    make_due(gates)
    assert caller.call()
    assert callback(gates, run_id) == (CallbackState.GIVEN, 2, "")


def test_what_a_late_one_failed_at_does_not_undo_what_was_given(
    gates: Store, ask: Ask, caller: Caller, receiver: Receiver
) -> None:
    run_id = ask()
    with gates.transaction() as tx:
        late = claim_callback(tx, receiver.host)
    assert late is not None
    make_due(gates)
    receiver.status = 500
    assert caller.call()
    caller._note_failed(late, "too late")
    assert callback(gates, run_id) == (CallbackState.WAITING, 2, "it answered 500")
    receiver.status = 200
    make_due(gates)
    assert caller.call()
    caller._note_failed(late, "too late")
    assert callback(gates, run_id) == (CallbackState.GIVEN, 3, "")


def test_a_host_has_its_own_caller_and_a_claim_is_passed_over(
    gates: Store, ask: Ask, receiver: Receiver
) -> None:
    runs = {ask(), ask("shop.customers")}
    longer = f"{receiver.host}0"
    with gates.transaction() as tx, gates.transaction() as other:
        first, second = (claim_callback(each, receiver.host) for each in (tx, other))
        assert first is not None
        assert second is not None
        assert {first.run_id, second.run_id} == runs
        for host in (receiver.host, longer, receiver.host[:-1], "https://127.0.0.1"):
            assert claim_callback(other, host) is None


def test_a_trial_calls_nobody(
    gates: Store, queue: Queue, caller: Caller, rule_types: dict[str, RuleType]
) -> None:
    run = flow.receive_try(gates, queue, ORDERS, present("id", rule_types))
    flow.run_attempt(gates, queue, nothing_wrong, run.id)
    assert not caller.call()


def test_another_callback_is_another_question(gates: Store, queue: Queue) -> None:
    keyed = replace(ORDERS, idempotency_key="k")
    called = replace(keyed, callback_url="https://a.example/")
    first = flow.receive(gates, queue, called).run.id
    assert flow.receive(gates, queue, called).run.id == first
    for other in (keyed, replace(called, callback_url="https://b.example/")):
        with pytest.raises(IdempotencyConflict):
            flow.receive(gates, queue, other)


def test_a_question_without_one_is_what_the_release_before_stored(
    gates: Store, queue: Queue
) -> None:
    flow.receive(gates, queue, replace(ORDERS, batch=Values("id", (1,))))
    ((question,),) = sql(gates, "select question from requests")
    assert sorted(question) == ["batch", "correlation_id", "table", "warehouse"]


@pytest.fixture
def listing(backend: Backend) -> Iterator[FlaskClient]:
    """The API of an operator who has listed a host."""
    listing = replace(backend, callback_hosts=["https://hooks.example.com"])
    with create_app(listing).test_client() as client:
        yield client


def test_over_http_only_a_listed_host_is_taken(listing: FlaskClient, client: FlaskClient) -> None:
    wanted = {"table": "shop.orders", "callback_url": "https://hooks.example.com/x"}
    taken = listing.post("/api/v1/runs", json=wanted)
    assert taken.status_code == 202
    assert taken.get_json()["callback"] == {"state": "waiting", "attempts": 0, "message": ""}
    elsewhere = {**wanted, "callback_url": "https://evil.example.com/x"}
    no_url = {**wanted, "callback_url": "file:///etc/passwd"}
    for refused in (
        listing.post("/api/v1/runs", json=elsewhere),
        listing.post("/api/v1/runs", json=no_url),
        client.post("/api/v1/runs", json=wanted),
    ):
        assert refused.status_code == 422
        (problem,) = refused.get_json()["errors"]
        assert problem["path"] == "callback_url"
    assert "STRINGX_CALLBACK_HOSTS" in problem["reason"]


def test_over_kafka_it_is_a_dead_letter(gates: Store, queue: Queue) -> None:
    dataset = "postgresql://db.example:5432/warehouse/shop/orders"
    found = send(
        gates,
        queue,
        {"table": "shop.orders", "callback_url": "https://hooks.example.com/x"},
        {"dataset": dataset, "callback_url": "https://hooks.example.com/x"},
    )
    assert list(found) == [0, 1]
    assert all("STRINGX_CALLBACK_HOSTS" in reason for reason in found.values())
