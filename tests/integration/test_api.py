"""The API on a real store: what it takes, what it refuses, and how."""

from __future__ import annotations

import json
import re
import threading
import time
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient
from openapi_spec_validator import validate

from api.backend import Backend
from api.factory import build_spec, create_app
from api.postman import render_collection
from gatekeeper import flow
from gatekeeper.contracts.json_text import MAX_BODY_BYTES
from gatekeeper.domain.run import RunId
from gatekeeper.queue.jobs import Queue
from gatekeeper.settings import ROOT
from gatekeeper.store.engine import Store
from gatekeeper.store.listener import VerdictListener
from tests.integration.conftest import nothing_wrong

RUNS = "/api/v1/runs"


def finish(backend: Backend, run_id: str) -> None:
    """Do what runner and worker would."""
    run = RunId(UUID(run_id))
    flow.run_attempt(backend.store, backend.queue, nothing_wrong, run)
    flow.acknowledge(backend.store, run)


def trigger(client: FlaskClient, table: str = "shop.orders", **more: Any) -> dict[str, Any]:
    answer = client.post(RUNS, json={"table": table, **more})
    assert answer.status_code == 202, answer.text
    return dict(answer.get_json())


def test_a_trigger_is_accepted_and_says_where_to_look(client: FlaskClient) -> None:
    answer = client.post(RUNS, json={"table": "shop.orders", "correlation_id": "c-1"})
    assert answer.status_code == 202
    run = answer.json
    assert answer.headers["Location"] == f"{RUNS}/{run['id']}"
    assert (run["state"], run["verdict"], run["correlation_id"]) == ("queued", None, "c-1")
    assert client.get(answer.headers["Location"]).json == run


def test_a_finished_run_shows_its_verdict_and_checks(client: FlaskClient, backend: Backend) -> None:
    run_id = trigger(client)["id"]
    assert client.get(f"{RUNS}/{run_id}/results").json["checks"] == []
    finish(backend, run_id)
    run = client.get(f"{RUNS}/{run_id}").json
    assert (run["state"], run["verdict"], run["open"]) == ("finished", "pass", True)
    assert run["counts"]["outcomes"] == {"pass": 2}
    assert all(run["timings"].values())
    results = client.get(f"{RUNS}/{run_id}/results").json
    assert results["verdict"] == "pass"
    assert [check["rule"] for check in results["checks"]] == ["customer_present", "id_unique"]
    assert results["checks"][0]["rows_tested"] == 10
    assert client.get("/api/v1/gates/shop.orders/verdict").json == run


@pytest.mark.parametrize("headers", [{"Prefer": "respond-async, wait=9"}, {"Prefer": 'wait="9"'}])
def test_prefer_wait_answers_with_the_verdict(
    client: FlaskClient, backend: Backend, headers: dict[str, str]
) -> None:
    key = {"Idempotency-Key": "k"}
    run_id = client.post(RUNS, json={"table": "shop.orders"}, headers=key).json["id"]
    threading.Timer(0.5, finish, [backend, run_id]).start()
    started = time.monotonic()
    answer = client.post(RUNS, json={"table": "shop.orders"}, headers={**headers, **key})
    assert answer.status_code == 200
    assert answer.json["verdict"] == "pass"
    assert answer.headers["Preference-Applied"] == "wait=9"
    assert time.monotonic() - started < 8


def test_a_wait_that_is_not_long_enough_answers_202(client: FlaskClient) -> None:
    answer = client.post(RUNS, json={"table": "shop.orders"}, headers={"Prefer": "wait=1"})
    assert answer.status_code == 202
    assert answer.json["verdict"] is None


def test_a_wait_takes_no_connection_from_those_who_dont(backend: Backend) -> None:
    """Eight wait, on a pool of one connection, while another request is served."""
    store = Store(backend.store.conninfo, pool_size=1)
    narrow = Backend(
        store=store,
        queue=Queue(),
        listener=VerdictListener(store.conninfo, limit=8),
        rule_types=backend.rule_types,
        max_wait_seconds=10,
        inline_wait_seconds=10,
    )
    app = create_app(narrow)
    run_id = trigger(app.test_client())["id"]
    answers: list[int] = []

    def wait() -> None:
        headers = {"Prefer": "wait=10", "Idempotency-Key": "k"}
        body = {"table": "shop.orders"}
        answers.append(app.test_client().post(RUNS, json=body, headers=headers).status_code)

    threads = [threading.Thread(target=wait) for _ in range(8)]
    for thread in threads:
        thread.start()
    waited_for = _only_other_run(app.test_client(), run_id)
    assert app.test_client().get("/api/v1/gates").status_code == 200
    finish(narrow, waited_for)
    for thread in threads:
        thread.join()
    assert answers == [200] * 8
    narrow.listener.close()
    store.close()


def _only_other_run(client: FlaskClient, known: str) -> str:
    for _ in range(100):
        others = [run["id"] for run in client.get(RUNS).json["items"] if run["id"] != known]
        if others:
            return str(others[0])
        time.sleep(0.05)
    raise AssertionError("the trigger that waits was never stored")


def test_an_inline_gate_waits_by_itself(client: FlaskClient, backend: Backend) -> None:
    started = time.monotonic()
    answer = client.post(RUNS, json={"table": "shop.customers"})
    assert answer.status_code == 202
    assert time.monotonic() - started >= backend.inline_wait_seconds


def test_a_gate_that_is_off_answers_at_once(client: FlaskClient) -> None:
    answer = client.post(RUNS, json={"table": "shop.off"})
    assert answer.status_code == 200
    assert (answer.json["state"], answer.json["open"]) == ("cancelled", None)


DEEP = "[" * 100_000


@pytest.mark.parametrize(
    ("body", "status", "code", "path"),
    [
        ({"table": "shop.nowhere"}, 404, "unknown_gate", None),
        ({"table": "shop.unruly"}, 409, "gate_has_no_rules", None),
        ({"table": "orders"}, 422, "invalid_request", "table"),
        ({"table": "shop.orders.x"}, 422, "invalid_request", "table"),
        ({}, 422, "invalid_request", "table"),
        ([], 422, "invalid_request", "body"),
        ("text", 422, "invalid_request", "body"),
        (None, 422, "invalid_request", "table"),
        ({"table": 5}, 422, "invalid_request", "table"),
        ({"table": "shop.orders", "colour": "red"}, 422, "invalid_request", "colour"),
        ({"table": "shop.orders", "correlation_id": 5}, 422, "invalid_request", "correlation_id"),
        ({"table": "shop.or\u0000ders"}, 422, "invalid_request", "table"),
        ({"table": "shop.\ud800"}, 422, "invalid_request", "table"),
        ({"table": "shop.orders", "batch": {}}, 422, "invalid_request", "batch.column"),
        ({"table": "shop.orders", "batch": {"column": "a"}}, 422, "invalid_request", "batch"),
        (
            {"table": "shop.orders", "batch": {"column": "a", "from": 1, "after": 1}},
            422,
            "invalid_request",
            "batch",
        ),
        (
            {"table": "shop.orders", "batch": {"column": "a", "values": []}},
            422,
            "invalid_request",
            "batch.values",
        ),
        (
            {"table": "shop.orders", "batch": {"column": "a", "from": 1, "to": 2, "values": [1]}},
            422,
            "invalid_request",
            "batch",
        ),
    ],
)
def test_a_bad_trigger_is_refused_with_the_path(
    client: FlaskClient, body: Any, status: int, code: str, path: str | None
) -> None:
    answer = client.post(RUNS, data=json.dumps(body), content_type="application/json")
    problem = answer.json
    assert (answer.status_code, problem["code"]) == (status, code), problem
    assert answer.content_type == "application/problem+json"
    assert problem["status"] == status
    assert problem["type"] == f"urn:stringx:problem:{code}"
    if path is not None:
        assert path in [error["path"] for error in problem["errors"]], problem
    assert client.get(RUNS).json["items"] == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        DEEP,
        '{"table": "shop.orders", "batch": {"column": "a", "values": [NaN]}}',
        '{"table": "shop.orders", "batch": {"column": "a", "values": [Infinity]}}',
        '{"table": "shop.orders", "batch": {"column": "a", "values": [' + "9" * 5000 + "]}}",
    ],
)
def test_what_is_not_json_or_not_a_number_is_refused(client: FlaskClient, text: str) -> None:
    answer = client.post(RUNS, data=text, content_type="application/json")
    assert (answer.status_code, answer.json["code"]) == (422, "invalid_request"), answer.text
    assert answer.json["errors"]


def test_a_body_over_the_limit_is_refused(client: FlaskClient) -> None:
    answer = client.post(RUNS, data=b" " * (MAX_BODY_BYTES + 1), content_type="application/json")
    assert (answer.status_code, answer.content_type) == (413, "application/problem+json")


def test_a_body_of_unknown_length_is_refused(client: FlaskClient) -> None:
    headers = {"Transfer-Encoding": "chunked"}
    answer = client.post(RUNS, headers=headers, content_type="application/json")
    assert (answer.status_code, answer.json["code"]) == (411, "length_required")


@pytest.mark.parametrize(
    ("site", "status"),
    [("cross-site", 403), ("same-site", 403), ("same-origin", 202), ("none", 202)],
)
def test_a_page_of_another_site_may_not_trigger(
    client: FlaskClient, site: str, status: int
) -> None:
    headers = {"Sec-Fetch-Site": site}
    answer = client.post(RUNS, json={"table": "shop.orders"}, headers=headers)
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("listening", "name", "status"),
    [
        ("127.0.0.1", "127.0.0.1:5001", 200),
        ("127.0.0.1", "localhost", 200),
        ("127.0.0.1", "evil.example", 400),
        ("10.0.0.1", "gate.example", 200),
    ],
)
def test_an_api_for_this_machine_answers_to_its_names(
    backend: Backend, listening: str, name: str, status: int
) -> None:
    answer = create_app(backend, listening).test_client().get("/healthz", headers={"Host": name})
    assert answer.status_code == status


@pytest.mark.parametrize("key", ["", "k" * 256])
def test_an_idempotency_key_has_its_bounds(client: FlaskClient, key: str) -> None:
    answer = client.post(RUNS, json={"table": "shop.orders"}, headers={"Idempotency-Key": key})
    assert answer.status_code == 422
    assert answer.json["errors"][0]["path"] == "Idempotency-Key"


def test_a_key_that_comes_again(client: FlaskClient, backend: Backend) -> None:
    headers = {"Idempotency-Key": "k"}
    first = client.post(RUNS, json={"table": "shop.orders"}, headers=headers)
    again = client.post(RUNS, json={"table": "shop.orders"}, headers=headers)
    assert (again.status_code, again.json["id"]) == (202, first.json["id"])
    finish(backend, first.json["id"])
    done = client.post(RUNS, json={"table": "shop.orders"}, headers=headers)
    assert (done.status_code, done.json["verdict"]) == (200, "pass")
    other = client.post(RUNS, json={"table": "shop.empty"}, headers=headers)
    assert (other.status_code, other.json["code"]) == (409, "idempotency_conflict")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        (f"{RUNS}/{uuid4()}", 404, "unknown_run"),
        (f"{RUNS}/{uuid4()}/results", 404, "unknown_run"),
        (f"{RUNS}/not-a-uuid", 404, "not_found"),
        (f"{RUNS}?limit=0", 422, "invalid_request"),
        (f"{RUNS}?verdict=great", 422, "invalid_request"),
        (f"{RUNS}?since=yesterday", 422, "invalid_request"),
        (f"{RUNS}?cursor=x", 422, "invalid_request"),
        (f"{RUNS}?colour=red", 422, "invalid_request"),
        (f"{RUNS}?table=%00", 422, "invalid_request"),
        ("/api/v1/gates/shop.nowhere", 404, "unknown_gate"),
        ("/api/v1/gates/a%00.b", 404, "not_found"),
        ("/api/v1/gates/orders", 404, "not_found"),
        ("/api/v1/gates/shop.orders/verdict", 404, "no_verdict_yet"),
        ("/api/v1/nothing", 404, "not_found"),
    ],
)
def test_a_bad_question_is_a_problem(
    client: FlaskClient, path: str, status: int, code: str
) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.json["code"]) == (status, code), answer.text
    assert answer.content_type == "application/problem+json"


def test_a_wrong_method_is_a_problem_too(client: FlaskClient) -> None:
    answer = client.delete(RUNS)
    assert (answer.status_code, answer.content_type) == (405, "application/problem+json")
    assert "POST" in answer.headers["Allow"]


def test_runs_are_listed_newest_first_in_pages(client: FlaskClient, backend: Backend) -> None:
    ids = [trigger(client, table)["id"] for table in ["shop.orders", "shop.empty"] * 3]
    finish(backend, ids[0])
    seen, cursor = [], ""
    while cursor is not None:
        page = client.get(f"{RUNS}?limit=4" + (f"&cursor={cursor}" if cursor else "")).json
        seen += [run["id"] for run in page["items"]]
        cursor = page["next"]
    assert seen == ids[::-1]
    for query, found in {
        "table=shop.empty": ids[5::-2],
        "warehouse=shop&state=finished": ids[:1],
        "verdict=pass": ids[:1],
        "verdict=fail": [],
        "since=2999-01-01T00:00:00Z": [],
        "since=2020-01-01T00:00:00Z&limit=1": ids[5:],
    }.items():
        assert [run["id"] for run in client.get(f"{RUNS}?{query}").json["items"]] == found, query


def test_gates_and_the_catalogue_can_be_read(client: FlaskClient) -> None:
    gates = client.get("/api/v1/gates").json["items"]
    assert {gate["table"]: gate["rule_count"] for gate in gates}["shop.orders"] == 2
    gate = client.get("/api/v1/gates/shop.orders?warehouse=shop").json
    assert [rule["name"] for rule in gate["rules"]] == ["customer_present", "id_unique"]
    types = {each["name"]: each for each in client.get("/api/v1/rule-types").json["items"]}
    assert {"not_null", "unique", "accepted_values", "relationships"} <= types.keys()
    assert types["not_null"]["parameters"]["required"] == ["column"]
    assert types["not_null"]["trusted"] is False


def test_a_configuration_goes_out_and_comes_back(client: FlaskClient) -> None:
    exported = client.get("/api/v1/config")
    assert exported.content_type == "application/yaml"
    again = client.put("/api/v1/config?absent=delete", data=exported.data)
    assert again.json == {"applied": True, "changes": []}
    assert client.get("/api/v1/config").data == exported.data


def test_a_rehearsal_says_what_would_change_and_changes_nothing(client: FlaskClient) -> None:
    exported = client.get("/api/v1/config").text
    changed = exported.replace("table: shop.off", "table: shop.on")
    answer = client.put("/api/v1/config?dry_run=true&absent=delete", data=changed)
    assert not answer.json["applied"]
    actions = [(change["action"], change["path"]) for change in answer.json["changes"]]
    assert ("add", "gates.shop:shop.on") in actions
    assert ("remove", "gates.shop:shop.off") in actions
    assert client.get("/api/v1/config").text == exported


def test_a_bad_configuration_is_refused_with_every_path(client: FlaskClient) -> None:
    answer = client.put("/api/v1/config", data="gates: [{warehouse: nowhere, table: x}]")
    assert (answer.status_code, answer.json["code"]) == (422, "invalid_configuration")
    assert [error["path"] for error in answer.json["errors"]] == ["gates.0.table"]


def test_a_gates_rule_sets_are_listed_with_what_each_changed(client: FlaskClient) -> None:
    exported = client.get("/api/v1/config").text
    client.put("/api/v1/config", data=exported.replace("severity: warn", "error_above: 5"))
    now, first = client.get("/api/v1/gates/shop.orders/rule-sets").json["items"]
    assert (now["current"], first["current"]) == (True, False)
    assert now["author"] == "api"
    assert [change["path"] for change in first["changes"]] == [
        "rules.customer_present",
        "rules.id_unique",
    ]
    (change,) = now["changes"]
    assert change["before"] == {"severity": "warn"}
    assert change["after"] == {"error_above": "5"}


def test_health(client: FlaskClient) -> None:
    assert client.get("/healthz").json["ok"]
    assert client.get("/readyz").json == {"ok": True, "checks": {"store": "ok", "schema": "ok"}}


def test_a_store_that_is_away(backend: Backend) -> None:
    away = Store("postgresql://nobody@127.0.0.1:1/none")
    listener = VerdictListener(away.conninfo, limit=1)
    client = create_app(Backend(away, Queue(), listener, {}, 1, 1)).test_client()
    answer = client.post(RUNS, json={"table": "shop.orders"})
    assert (answer.status_code, answer.json["code"]) == (503, "store_unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert client.get("/readyz").status_code == 503
    assert client.get("/healthz").status_code == 200


def test_the_description_is_openapi_and_names_every_route(client: FlaskClient) -> None:
    spec = client.get("/openapi.json").get_json()
    validate(spec)
    assert spec["openapi"].startswith("3.1")
    described = {
        (method.upper(), path) for path, verbs in spec["paths"].items() for method in verbs
    }
    routes = {
        (method, re.sub(r"<\w+:(\w+)>", r"{\1}", rule.rule))
        for rule in client.application.url_map.iter_rules()
        for method in rule.methods or ()
        if method in ("GET", "POST", "PUT", "DELETE") and not rule.rule.startswith("/static")
    }
    assert described == routes - {("GET", "/openapi.json")}


def test_the_postman_collection_is_current() -> None:
    stored = (ROOT / "docs" / "postman_collection.json").read_text("utf-8")
    assert stored == render_collection(build_spec()), "make docs"
