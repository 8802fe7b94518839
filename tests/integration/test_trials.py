"""Trials: carried out as any other run, and never the verdict of their gate."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from api.backend import Backend
from gatekeeper import flow
from gatekeeper.domain.batch import Values
from gatekeeper.domain.plan import Measure
from gatekeeper.domain.rule import RuleType
from gatekeeper.domain.run import Request, RunId, Trigger
from gatekeeper.domain.verdict import Measured
from gatekeeper.queue.jobs import Queue
from gatekeeper.store.engine import Store
from runner.lanes import Lanes
from tests.integration.conftest import nothing_wrong, present
from tests.integration.test_flow import ORDERS
from tests.integration.test_recovery import sql

API = "/api/v1"
TRY = f"{API}/gates/shop.orders/rules/try"
BACKTEST = f"{API}/gates/shop.orders/backtest"
STATUS_KNOWN = {
    "type": "accepted_values",
    "parameters": {"column": "status", "values": ["paid", "sent"]},
}
CUSTOMER_PRESENT = {"type": "not_null", "parameters": {"column": "customer_id"}}


def carry_out(backend: Backend, measure: Measure = nothing_wrong) -> None:
    """Do what runners would: each run that waits, in the order in which the queue gives it."""
    ((worker,),) = sql(backend.store, "select worker_id from procrastinate_register_worker_v1()")
    take = "select args ->> 'run_id' from procrastinate_fetch_job_v2('{runs}', %s)"
    while (run_id := sql(backend.store, take, worker)[0][0]) is not None:
        flow.run_attempt(backend.store, backend.queue, measure, RunId(run_id))
        sql(backend.store, "delete from procrastinate_jobs where args ->> 'run_id' = %s", run_id)


def judge(client: FlaskClient, backend: Backend, measure: Measure, *statuses: str | None) -> None:
    """Judge the batches by the gate's present rules, one after another; None for the whole."""
    for status in statuses:
        batch = {"column": "status", "values": [status]} if status else None
        answer = client.post(f"{API}/runs", json={"table": "shop.orders", "batch": batch})
        assert answer.status_code == 202, answer.text
        carry_out(backend, measure)


def get(client: FlaskClient, path: str) -> Any:
    answer = client.get(path if path.startswith(API) else f"{API}{path}")
    assert answer.status_code == 200, answer.text
    return answer.get_json()


def start(client: FlaskClient, **body: Any) -> dict[str, Any]:
    """Start a backtest that is accepted."""
    answer = client.post(BACKTEST, json=body)
    assert answer.status_code == 202, answer.text
    assert answer.headers["Location"] == f"{API}/backtests/{answer.get_json()['id']}"
    return dict(answer.get_json())


def named(name: str, rule: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, **rule}


@pytest.mark.parametrize(
    ("batch", "found"),
    [(None, (10, 3)), ({"column": "status", "values": ["lost", "sent"]}, (4, 2))],
    ids=["table", "batch"],
)
def test_a_rule_that_is_not_saved_says_what_it_would_find(
    client: FlaskClient, backend: Backend, lanes: Lanes, batch: Any, found: tuple[int, int]
) -> None:
    answer = client.post(TRY, json={"rule": STATUS_KNOWN, "batch": batch, "correlation_id": "c"})
    assert answer.status_code == 202, answer.text
    run = answer.get_json()
    assert (run["purpose"], run["batch"], run["correlation_id"]) == ("try", batch, "c")
    carry_out(backend, lanes.measure)
    tried = get(client, answer.headers["Location"])
    assert (tried["verdict"], tried["open"]) == ("fail", False)
    (check,) = get(client, f"/runs/{run['id']}/results")["checks"]
    assert check["rule"] == "tried"
    assert (check["rows_tested"], check["rows_failed"]) == found


def test_a_try_changes_nothing_of_its_gate(client: FlaskClient, backend: Backend) -> None:
    judge(client, backend, nothing_wrong, None)
    paths = ["/gates/shop.orders", "/gates/shop.orders/rule-sets", "/gates/shop.orders/verdict"]
    paths += ["/runs", "/runs?purpose=judge"]
    before = [get(client, path) for path in paths]
    exported = client.get(f"{API}/config").data
    run = client.post(TRY, json={"rule": CUSTOMER_PRESENT}).get_json()
    carry_out(backend)
    assert get(client, f"/runs/{run['id']}")["state"] == "finished"
    assert [get(client, path) for path in paths] == before
    assert client.get(f"{API}/config").data == exported
    (listed,) = get(client, "/runs?purpose=try")["items"]
    assert (listed["id"], listed["purpose"]) == (run["id"], "try")


def test_a_try_waits_for_its_answer(client: FlaskClient, backend: Backend) -> None:
    answer = client.post(TRY, json={"rule": CUSTOMER_PRESENT}, headers={"Prefer": "wait=1"})
    assert (answer.status_code, answer.headers["Preference-Applied"]) == (202, "wait=1")


@pytest.mark.parametrize("table", ["shop.unruly", "shop.off", "shop.all_disabled"])
def test_a_gate_that_does_not_judge_takes_a_try(
    client: FlaskClient, backend: Backend, table: str
) -> None:
    rule = {**CUSTOMER_PRESENT, "enabled": False}
    answer = client.post(f"{API}/gates/{table}/rules/try?warehouse=shop", json={"rule": rule})
    assert answer.status_code == 202, answer.text
    carry_out(backend)
    assert get(client, answer.headers["Location"])["verdict"] == "pass"
    refused = client.get(f"{API}/gates/{table}/verdict")
    assert refused.get_json()["code"] == "no_verdict_yet"


def test_a_rule_set_that_was_tried_is_the_gates_once_it_is_applied(
    client: FlaskClient, backend: Backend
) -> None:
    rule = named("present", CUSTOMER_PRESENT)
    tried = client.post(f"{API}/gates/shop.unruly/rules/try", json={"rule": rule}).get_json()
    (empty,) = get(client, "/gates/shop.unruly/rule-sets")["items"]
    assert empty["hash"] != tried["rule_set"]
    exported = client.get(f"{API}/config").text
    saved = exported.replace(
        "table: shop.unruly\n",
        "table: shop.unruly\n  rules: [{name: present, type: not_null, "
        "parameters: {column: customer_id}}]\n",
    )
    assert client.put(f"{API}/config", data=saved).status_code == 200
    now, first = get(client, "/gates/shop.unruly/rule-sets")["items"]
    assert (now["hash"], now["author"], now["current"]) == (tried["rule_set"], "api", True)
    assert now["created_at"] > tried["timings"]["received_at"]
    assert first == {**empty, "current": False}
    client.post(f"{API}/gates/shop.unruly/rules/try", json={"rule": rule})
    assert get(client, "/gates/shop.unruly/rule-sets")["items"] == [now, first]


@pytest.mark.parametrize(
    ("path", "body", "problems"),
    [
        (TRY, {}, ["rule"]),
        (TRY, {"rule": {"parameters": {}}}, ["rule.type"]),
        (TRY, {"rule": {"type": "no_such"}}, ["rule.type"]),
        (TRY, {"rule": {"type": "not_null"}}, ["rule.parameters"]),
        (TRY, {"rule": {**CUSTOMER_PRESENT, "name": "Not a name"}}, ["rule.name"]),
        (TRY, {"rule": CUSTOMER_PRESENT, "colour": "red"}, ["colour"]),
        (TRY, {"rule": CUSTOMER_PRESENT, "batch": {"column": "a"}}, ["batch"]),
        (
            TRY,
            {
                "rule": {
                    "type": "unique",
                    "parameters": {"columns": []},
                    "severity": "warn",
                    "warn_above": "1%",
                    "error_above": 5,
                }
            },
            ["rule.warn_above", "rule.error_above", "rule.parameters.columns"],
        ),
        (
            TRY,
            {"rule": {"type": "expression", "parameters": {"expression": "'\x00' = 'a'"}}},
            ["rule.parameters.expression"],
        ),
        (BACKTEST, {"batches": 0}, ["batches"]),
        (BACKTEST, {"batches": 201}, ["batches"]),
        (BACKTEST, {"batches": True}, ["batches"]),
        (BACKTEST, {"rules": []}, ["rules"]),
        (BACKTEST, {"rules": [CUSTOMER_PRESENT]}, ["rules.0.name"]),
        (BACKTEST, {"rules": [{**named("a", CUSTOMER_PRESENT), "enabled": False}]}, ["rules"]),
        (
            BACKTEST,
            {
                "rules": [
                    named("a", CUSTOMER_PRESENT),
                    named("a", {"type": "no_such"}),
                    named("b", {"type": "expression", "parameters": {"expression": "\ud800"}}),
                ]
            },
            ["rules", "rules.1.type", "rules.2.parameters.expression"],
        ),
    ],
)
def test_what_is_wrong_with_a_trial_is_named_by_its_path(
    client: FlaskClient, backend: Backend, path: str, body: Any, problems: list[str]
) -> None:
    judge(client, backend, nothing_wrong, None)
    answer = client.post(path, json=body)
    assert answer.status_code == 422, answer.text
    named_paths = [error["path"] for error in answer.get_json()["errors"]]
    assert list(dict.fromkeys(named_paths)) == problems
    assert get(client, "/runs?purpose=try")["items"] == []
    assert get(client, "/runs?purpose=backtest")["items"] == []


def test_a_backtest_says_how_often_changed_rules_would_have_closed_the_gate(
    client: FlaskClient, backend: Backend, lanes: Lanes
) -> None:
    judge(client, backend, lanes.measure, "paid", "sent", "lost", "LOST")
    rules = [named("customer_present", CUSTOMER_PRESENT), named("status_known", STATUS_KNOWN)]
    started = start(client, rules=rules)
    assert (started["state"], started["batches"], started["finished"]) == ("queued", 4, 0)
    carry_out(backend, lanes.measure)
    backtest = get(client, f"/backtests/{started['id']}")
    assert (backtest["state"], backtest["finished"], backtest["closed"]) == ("finished", 4, 3)
    assert backtest["summary"] == (
        "would have closed the gate 3 times of 4 (1 time as it was judged then)"
    )
    verdicts = [
        (each["batch"]["values"][0], each["now"]["verdict"], each["then"]["verdict"])
        for each in backtest["items"]
    ]
    assert verdicts == [
        ("LOST", "fail", "pass"),
        ("lost", "fail", "pass"),
        ("sent", "fail", "fail"),
        ("paid", "pass", "warn"),
    ]
    assert [(each["now"]["open"], each["then"]["open"]) for each in backtest["items"]] == [
        (False, True),
        (False, True),
        (False, False),
        (True, True),
    ]


def test_rules_that_can_not_be_judged_close_the_gate_and_are_said_to(
    client: FlaskClient, backend: Backend, lanes: Lanes
) -> None:
    judge(client, backend, nothing_wrong, "paid")
    mistyped = {"type": "not_null", "parameters": {"column": "no_such_column"}}
    started = start(client, rules=[named("mistyped", mistyped)])
    carry_out(backend, lanes.measure)
    backtest = get(client, f"/backtests/{started['id']}")
    assert (backtest["closed"], backtest["not_judged"]) == (1, 1)
    assert backtest["summary"].endswith("; 1 could not be judged")


def test_a_backtest_takes_each_of_the_last_batches_once_by_its_latest_run(
    client: FlaskClient, backend: Backend, rule_types: dict[str, RuleType]
) -> None:
    judge(client, backend, nothing_wrong, "paid", None, "sent", "paid", None, "lost", "paid")
    judged = get(client, "/runs")["items"]
    flow.receive_try(
        backend.store,
        backend.queue,
        Request("shop.orders", Trigger.HTTP, batch=Values("status", ("tried",))),
        present("amount", rule_types),
    )
    client.post(f"{API}/runs", json={"table": "shop.empty"})
    carry_out(backend)
    waiting = {"column": "status", "values": ["waiting"]}
    client.post(f"{API}/runs", json={"table": "shop.orders", "batch": waiting})
    latest = [judged[0], judged[1], judged[2], judged[4]]
    for batches, expected in ((30, latest), (3, latest[:3])):
        items = start(client, batches=batches)["items"]
        assert [each["then"]["run_id"] for each in items] == [run["id"] for run in expected]
        assert [each["batch"] for each in items] == [run["batch"] for run in expected]


def test_a_backtest_looks_through_the_last_ten_thousand_runs(
    client: FlaskClient, backend: Backend
) -> None:
    judge(client, backend, nothing_wrong, "paid", None)
    sql(
        backend.store,
        "insert into runs (id, request_id, gate_id, rule_set_hash, batch, state, verdict, "
        "open, finished_at) select gen_random_uuid(), request_id, gate_id, rule_set_hash, batch, "
        "state, verdict, open, clock_timestamp() from runs, generate_series(1, 9998) "
        "where runs.batch = 'null'",
    )
    assert [each["batch"] is None for each in start(client)["items"]] == [True, False]
    judge(client, backend, nothing_wrong, None)
    assert [each["batch"] for each in start(client)["items"]] == [None]


def test_a_backtest_without_rules_goes_by_the_gates_own(
    client: FlaskClient, backend: Backend
) -> None:
    judge(client, backend, nothing_wrong, None)
    gate = get(client, "/gates/shop.orders")
    history = get(client, "/gates/shop.orders/rule-sets")
    assert start(client)["rule_set"] == gate["rule_set"]
    assert get(client, "/gates/shop.orders/rule-sets") == history


def test_a_backtest_keeps_what_it_compares_with(client: FlaskClient, backend: Backend) -> None:
    judge(client, backend, nothing_wrong, "paid")
    started = start(client)
    judge(client, backend, lambda _: Measured(), "paid")
    (item,) = get(client, f"/backtests/{started['id']}")["items"]
    assert item["then"] == started["items"][0]["then"]
    for table in ("results", "acknowledgements"):
        sql(backend.store, f"delete from {table}")
    sql(backend.store, "delete from runs where purpose = 'judge'")
    (item,) = get(client, f"/backtests/{started['id']}")["items"]
    assert item["now"]["run_id"] == started["items"][0]["now"]["run_id"]
    assert item["then"] is None


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        (BACKTEST, {}, 409, "nothing_to_backtest"),
        (f"{API}/gates/shop.unruly/backtest", {}, 409, "gate_has_no_rules"),
        (f"{API}/gates/shop.nowhere/backtest", {}, 404, "unknown_gate"),
        (f"{BACKTEST}?warehouse=nowhere", {}, 404, "unknown_gate"),
        (f"{TRY}?warehouse=nowhere", {"rule": CUSTOMER_PRESENT}, 404, "unknown_gate"),
    ],
)
def test_what_can_not_be_tried_is_a_problem(
    client: FlaskClient, path: str, body: Any, status: int, code: str
) -> None:
    answer = client.post(path, json=body)
    assert (answer.status_code, answer.get_json()["code"]) == (status, code)
    assert answer.content_type == "application/problem+json"


def test_what_is_no_backtest_is_not_found(client: FlaskClient, backend: Backend) -> None:
    judge(client, backend, nothing_wrong, None)
    request_id = get(client, "/runs")["items"][0]["request_id"]
    for unknown in (uuid4(), request_id):
        answer = client.get(f"{API}/backtests/{unknown}")
        assert (answer.status_code, answer.get_json()["code"]) == (404, "unknown_backtest")


def test_trials_wait_behind_what_is_judged_and_hold_nothing_up(
    gates: Store, queue: Queue, rule_types: dict[str, RuleType]
) -> None:
    amount = present("amount", rule_types)
    judged = flow.receive(gates, queue, ORDERS).run
    flow.run_attempt(gates, queue, nothing_wrong, judged.id)
    sql(gates, "delete from procrastinate_jobs")
    flow.receive_backtest(gates, queue, ORDERS, amount, 30)
    tries = [flow.receive_try(gates, queue, ORDERS, amount) for _ in range(2)]
    elsewhere = Request("shop.empty", Trigger.HTTP)
    tries.append(flow.receive_try(gates, queue, elsewhere, present("id", rule_types)))
    asked = flow.receive(gates, queue, ORDERS).run

    ((worker,),) = sql(gates, "select worker_id from procrastinate_register_worker_v1()")
    take = "select args ->> 'run_id' from procrastinate_fetch_job_v2('{runs}', %s)"
    taken = [sql(gates, take, worker)[0][0] for _ in range(5)]
    (again,) = sql(gates, "select id::text from runs where purpose = 'backtest'")[0]
    # All are held at once, save the gate's second try.
    assert taken == [str(asked.id), str(tries[0].id), str(tries[2].id), again, None]
