"""A part of the rules is judged, says so, and is never taken for the gate's verdict."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from gatekeeper import flow
from gatekeeper.configuration.apply import apply_configuration
from gatekeeper.domain.batch import Range, Values
from gatekeeper.domain.errors import IdempotencyConflict, NothingToBacktest, UnknownRules
from gatekeeper.domain.plan import Plan
from gatekeeper.domain.rule import RuleType
from gatekeeper.domain.run import Request, RunId, Trigger
from gatekeeper.domain.verdict import Measured, Outcome, Verdict
from gatekeeper.kafka.wire import render_result
from gatekeeper.queue.jobs import Queue
from gatekeeper.store.engine import Store
from gatekeeper.store.results import load_results
from gatekeeper.store.runs import load_latest_verdict
from runner.lanes import Lanes
from tests.integration.conftest import GATES, nothing_wrong
from tests.integration.test_flow import ORDERS, count, load
from tests.integration.test_intake import send
from tests.integration.test_recovery import sql

PART = replace(ORDERS, rules=("id_unique",))


def judge(gates: Store, queue: Queue, request: Request) -> RunId:
    run_id = flow.receive(gates, queue, request).run.id
    flow.run_attempt(gates, queue, nothing_wrong, run_id)
    return run_id


def latest(store: Store, table: str) -> RunId | None:
    ((gate_id,),) = sql(store, f"select id from gates where table_name = '{table}'")
    with store.transaction() as tx:
        found = load_latest_verdict(tx, gate_id)
    return found.id if found else None


def test_only_what_is_named_is_judged_and_the_rest_says_that_it_was_skipped(
    gates: Store, queue: Queue, lanes: Lanes
) -> None:
    run_id = flow.receive(gates, queue, PART).run.id
    flow.run_attempt(gates, queue, lanes.measure, run_id)
    run = load(gates, run_id)
    # customer_present fails on this table, and wasn't asked.
    assert (run.verdict, run.open) == (Verdict.WARN, None)
    assert "1 of the gate's rules alone" in run.message
    assert run.rules == ("id_unique",)
    with gates.transaction() as tx:
        checks = {check.rule.name: check for check in load_results(tx, run_id)}
    assert checks["id_unique"].outcome is Outcome.WARN
    skipped = checks["customer_present"]
    assert (skipped.outcome, skipped.measurement.message) == (
        Outcome.SKIPPED,
        "the rule wasn't asked for",
    )
    assert run.counts is not None
    assert (run.counts.expected, run.counts.executed, run.counts.skipped) == (1, 1, 1)


def test_all_rules_after_a_part_are_all_judged(gates: Store, queue: Queue, lanes: Lanes) -> None:
    for request, outcomes in ((PART, {"warn": 1, "skipped": 1}), (ORDERS, {"warn": 1, "fail": 1})):
        run_id = flow.receive(gates, queue, request).run.id
        flow.run_attempt(gates, queue, lanes.measure, run_id)
        run = load(gates, run_id)
        assert run.counts is not None
        assert run.counts.outcomes == outcomes
    assert (run.verdict, run.open, run.message) == (Verdict.FAIL, False, "")


def test_a_part_is_never_the_latest_verdict(gates: Store, queue: Queue) -> None:
    judge(gates, queue, PART)
    assert latest(gates, "shop.orders") is None
    with pytest.raises(NothingToBacktest):
        flow.receive_backtest(gates, queue, ORDERS, None, 5)
    whole = judge(gates, queue, ORDERS)
    judge(gates, queue, PART)
    assert latest(gates, "shop.orders") == whole


def test_a_part_moves_no_watermark_and_remembers_no_columns(
    gates: Store, queue: Queue, rule_types: dict[str, RuleType]
) -> None:
    incremental = "table: shop.orders\n    incremental: id"
    wanted = GATES.format(host="nowhere").replace("table: shop.orders", incremental)
    apply_configuration(gates, rule_types, wanted)

    def measure(plan: Plan) -> Measured:
        assert plan.increment is not None
        batch = Range("id", after=plan.increment.watermark, through="10")
        return replace(nothing_wrong(plan), columns={"id": "int"}, batch=batch)

    seen = []
    for request in (PART, ORDERS):
        run_id = flow.receive(gates, queue, request).run.id
        flow.run_attempt(gates, queue, measure, run_id)
        of_orders = "where table_name = 'shop.orders'"
        seen += sql(
            gates,
            "select watermark, (select count(columns)::int from rule_sets where gate_id = gates.id)"
            f" from gates {of_orders}",
        )
    assert seen == [(None, 0), ("10", 1)]


@pytest.mark.parametrize("names", [("gone",), ("id_unique", "gone")])
def test_a_name_that_is_not_there_is_refused(
    gates: Store, queue: Queue, names: tuple[str, ...]
) -> None:
    with pytest.raises(UnknownRules, match="no enabled rule 'gone'; GET") as refused:
        flow.receive(gates, queue, replace(ORDERS, rules=names))
    assert refused.value.field == "rules"
    assert count(gates, "requests") == 0


def test_a_rule_that_is_disabled_can_not_be_asked_for(
    gates: Store, queue: Queue, rule_types: dict[str, RuleType]
) -> None:
    off = "columns: [id]}, severity: warn, enabled: false}"
    wanted = GATES.format(host="nowhere").replace("columns: [id]}, severity: warn}", off)
    apply_configuration(gates, rule_types, wanted)
    with pytest.raises(UnknownRules, match="'id_unique'"):
        flow.receive(gates, queue, PART)


def test_the_names_are_part_of_the_question_in_any_order(client: FlaskClient) -> None:
    def ask(*rules: str) -> tuple[int, str]:
        body = {"table": "shop.orders", "rules": rules} if rules else {"table": "shop.orders"}
        answer = client.post("/api/v1/runs", json=body, headers={"Idempotency-Key": "k"})
        return answer.status_code, answer.get_json().get("id", "")

    status, run_id = ask("id_unique", "customer_present")
    assert status == 202
    assert ask("customer_present", "id_unique", "id_unique") == (202, run_id)
    assert ask("id_unique")[0] == ask()[0] == 409


def test_a_question_that_was_taken_is_still_after_its_rule_is_gone(
    gates: Store, queue: Queue
) -> None:
    keyed = replace(PART, idempotency_key="k")
    run_id = flow.receive(gates, queue, keyed).run.id
    sql(gates, "delete from rules where name = 'id_unique'")
    assert flow.receive(gates, queue, keyed).run.id == run_id
    record = {"table": "shop.orders", "rules": ["id_unique"], "request_id": "k"}
    assert send(gates, queue, record) == {}
    with pytest.raises(IdempotencyConflict):
        flow.receive(gates, queue, replace(keyed, rules=None))
    with pytest.raises(UnknownRules):
        flow.receive(gates, queue, PART)


def test_over_http_a_part_says_so(client: FlaskClient) -> None:
    body = {"table": "shop.orders", "rules": ["id_unique"]}
    run = client.post("/api/v1/runs", json=body).get_json()
    assert run["rules"] == ["id_unique"]
    for rules, problem in ((["gone"], "gone"), ([], "at least 1"), (["A'; --"], "match pattern")):
        refused = client.post("/api/v1/runs", json={**body, "rules": rules})
        assert refused.status_code == 422
        (told,) = refused.get_json()["errors"]
        assert told["path"].startswith("rules")
        assert problem in told["reason"]


def test_over_kafka_a_part_is_asked_for_or_refused(gates: Store, queue: Queue) -> None:
    refused = send(
        gates,
        queue,
        {"table": "shop.orders", "rules": ["id_unique"]},
        {"table": "shop.orders", "rules": ["gone"]},
        {"table": "shop.orders"},
    )
    assert list(refused) == [1]
    assert refused[1].startswith("rules: 'shop.orders' has no enabled rule 'gone'")
    found = sql(gates, "select rules from runs order by position")
    assert found == [(["id_unique"],), (None,)]


def test_its_result_can_not_be_taken_for_the_gate_s(gates: Store, queue: Queue) -> None:
    run = load(gates, judge(gates, queue, PART))
    _, value, headers = render_result(run)
    told = json.loads(value)
    assert (told["rules"], told["verdict"], told["open"]) == (["id_unique"], "pass", None)
    named = dict(headers)
    assert named["partial"] == b"true"
    assert not {"verdict", "open"} & named.keys()
    _, _, of_all = render_result(load(gates, judge(gates, queue, ORDERS)))
    assert {"verdict", "open"} <= dict(of_all).keys()
    assert "partial" not in dict(of_all)


def test_a_part_and_the_whole_of_a_batch_never_overlap(gates: Store, queue: Queue) -> None:
    batch = Values("id", (1,))
    for request in (replace(PART, batch=batch), replace(ORDERS, batch=batch)):
        flow.receive(gates, queue, request)
    flow.receive(gates, queue, Request("shop.customers", Trigger.HTTP))
    assert sql(gates, "select count(distinct lock)::int from procrastinate_jobs") == [(2,)]
