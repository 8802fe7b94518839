"""The flow on a real store: what each stage writes, and who may write it."""

from __future__ import annotations

import threading
from dataclasses import replace
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from gatekeeper import flow
from gatekeeper.configuration.apply import apply_configuration
from gatekeeper.domain.batch import Range, Values
from gatekeeper.domain.errors import (
    AmbiguousGate,
    AttemptReleased,
    GateHasNoRules,
    IdempotencyConflict,
    RunnerError,
    RunnerStopped,
    StoreUnavailable,
    UnknownGate,
    UnknownRun,
)
from gatekeeper.domain.plan import Plan
from gatekeeper.domain.rule import RuleType
from gatekeeper.domain.run import Request, Run, RunId, RunState, Trigger
from gatekeeper.domain.verdict import Measured, Measurement, Outcome, Verdict
from gatekeeper.queue.jobs import Queue, driver_connection
from gatekeeper.store.engine import Store
from gatekeeper.store.results import load_results
from gatekeeper.store.runs import load_run
from tests.integration.conftest import GATES, nothing_wrong

ORDERS = Request("shop.orders", Trigger.HTTP)


def load(store: Store, run_id: RunId) -> Run:
    with store.transaction() as tx:
        return load_run(tx, run_id)


def count(store: Store, table: str) -> int:
    with store.transaction() as tx:
        row = driver_connection(tx).execute(f"select count(*) from {table}").fetchone()
    assert row is not None
    return int(row[0])


def test_a_request_its_run_and_its_job_are_stored_together(gates: Store, queue: Queue) -> None:
    receipt = flow.receive(gates, queue, ORDERS)
    assert receipt.is_new
    assert receipt.run.state is RunState.QUEUED
    assert receipt.run.verdict is None
    assert [count(gates, table) for table in ("requests", "runs", "procrastinate_jobs")] == [1] * 3


@pytest.mark.parametrize(
    ("table", "error"),
    [
        ("shop.nowhere", UnknownGate),
        ("shop.unruly", GateHasNoRules),
        ("shop.all_disabled", GateHasNoRules),
    ],
)
def test_what_is_refused_leaves_nothing_behind(
    gates: Store, queue: Queue, table: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        flow.receive(gates, queue, Request(table, Trigger.HTTP))
    assert [count(gates, table) for table in ("requests", "runs", "procrastinate_jobs")] == [0] * 3


def test_a_name_in_two_warehouses_must_say_which(
    gates: Store, queue: Queue, rule_types: dict[str, RuleType]
) -> None:
    twin = (
        GATES.format(host="nowhere").replace("shop\n", "twin\n").replace("name: shop", "name: twin")
    )
    apply_configuration(gates, rule_types, twin)
    with pytest.raises(AmbiguousGate, match="shop, twin"):
        flow.receive(gates, queue, ORDERS)
    named = Request("shop.orders", Trigger.HTTP, warehouse="twin")
    assert flow.receive(gates, queue, named).run.warehouse == "twin"


def test_a_gate_that_is_off_records_and_does_not_judge(gates: Store, queue: Queue) -> None:
    run = flow.receive(gates, queue, Request("shop.off", Trigger.HTTP)).run
    assert (run.state, run.verdict, run.open) == (RunState.CANCELLED, None, None)
    assert "off" in run.message
    assert count(gates, "procrastinate_jobs") == 0


def test_one_key_from_twenty_threads_gives_one_run(gates: Store, queue: Queue) -> None:
    trigger = Request("shop.orders", Trigger.HTTP, idempotency_key="k")
    together = threading.Barrier(20)
    seen: list[flow.Receipt] = []

    def ask() -> None:
        together.wait()
        seen.append(flow.receive(gates, queue, trigger))

    threads = [threading.Thread(target=ask) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 20
    assert len({receipt.run.id for receipt in seen}) == 1
    assert sum(receipt.is_new for receipt in seen) == 1
    assert count(gates, "procrastinate_jobs") == 1


@pytest.mark.parametrize(
    "other",
    [
        Request("shop.customers", Trigger.HTTP, idempotency_key="k"),
        Request("shop.orders", Trigger.HTTP, idempotency_key="k", correlation_id="c"),
        Request("shop.orders", Trigger.HTTP, None, Values("id", (1,)), idempotency_key="k"),
    ],
)
def test_a_key_with_another_body_is_refused(gates: Store, queue: Queue, other: Request) -> None:
    flow.receive(gates, queue, Request("shop.orders", Trigger.HTTP, idempotency_key="k"))
    with pytest.raises(IdempotencyConflict):
        flow.receive(gates, queue, other)


def test_one_and_true_are_not_the_same_question(gates: Store, queue: Queue) -> None:
    asked = [
        replace(ORDERS, idempotency_key="k", batch=Values("id", (value,))) for value in (1, True)
    ]
    flow.receive(gates, queue, asked[0])
    with pytest.raises(IdempotencyConflict):
        flow.receive(gates, queue, asked[1])


def test_a_run_is_planned_judged_and_acknowledged(gates: Store, queue: Queue) -> None:
    batch = Range("ordered_on", start="2024-01-01", end="2024-02-01")
    run_id = flow.receive(gates, queue, replace(ORDERS, batch=batch)).run.id
    plans: list[Plan] = []

    def measure(plan: Plan) -> Measured:
        plans.append(plan)
        assert load(gates, run_id).state is RunState.RUNNING
        failing = Measurement("id_unique", 10, 2, compiled_sql="select 1", duration_seconds=0.5)
        return Measured([Measurement("customer_present", 10, 0), failing])

    flow.run_attempt(gates, queue, measure, run_id)
    (plan,) = plans
    assert (plan.table, plan.batch) == ("shop.orders", batch)
    assert [rule.name for rule in plan.rules] == ["customer_present", "id_unique"]
    run = load(gates, run_id)
    assert (run.state, run.verdict, run.open) == (RunState.FINISHED, Verdict.WARN, True)
    assert run.counts is not None
    assert run.counts.dimensions == {"completeness": {"pass": 1}, "uniqueness": {"warn": 1}}
    assert run.acknowledged_at is None
    with gates.transaction() as tx:
        checks = load_results(tx, run_id)
    assert [check.outcome for check in checks] == [Outcome.PASS, Outcome.WARN]
    assert checks[1].measurement.compiled_sql == "select 1"

    flow.acknowledge(gates, run_id)
    stages = load(gates, run_id)
    times = [
        stages.received_at,
        stages.queued_at,
        stages.started_at,
        stages.finished_at,
        stages.acknowledged_at,
    ]
    assert None not in times
    assert times == sorted(times)  # type: ignore[type-var]


def test_every_stage_leaves_one_line_that_names_the_run(gates: Store, queue: Queue) -> None:
    with capture_logs() as lines:
        run = flow.receive(gates, queue, ORDERS).run
        flow.run_attempt(gates, queue, nothing_wrong, run.id)
        flow.acknowledge(gates, run.id)
    stages = ["received", "planned", "dispatched", "concluded", "acknowledged"]
    assert [line["action"] for line in lines] == stages
    for line in lines:
        assert line["log_level"] == "info"
        assert (line["run_id"], line["gate"]) == (str(run.id), "shop.orders")
        assert line["request_id"] == str(run.request_id)


def test_a_run_keeps_the_rules_it_was_asked_with(
    gates: Store, queue: Queue, rule_types: dict[str, RuleType]
) -> None:
    run = flow.receive(gates, queue, ORDERS).run
    changed = GATES.format(host="nowhere").replace("id_unique", "id_still_unique")
    apply_configuration(gates, rule_types, changed)
    flow.run_attempt(gates, queue, nothing_wrong, run.id)
    with gates.transaction() as tx:
        judged = [check.rule.name for check in load_results(tx, run.id)]
    assert judged == ["customer_present", "id_unique"]
    assert flow.receive(gates, queue, ORDERS).run.rule_set_hash != run.rule_set_hash


def test_a_transient_failure_is_tried_three_times_then_is_an_error(
    gates: Store, queue: Queue
) -> None:
    run_id = flow.receive(gates, queue, ORDERS).run.id

    def away(_: Plan) -> Measured:
        raise RunnerError("the warehouse is away", transient=True)

    for attempt in (1, 2):
        with pytest.raises(AttemptReleased):
            flow.run_attempt(gates, queue, away, run_id)
        waiting = load(gates, run_id)
        assert (waiting.state, waiting.attempts) == (RunState.QUEUED, attempt)
        assert waiting.message == "the warehouse is away"
    flow.run_attempt(gates, queue, away, run_id)
    run = load(gates, run_id)
    assert (run.verdict, run.open, run.message) == (Verdict.ERROR, False, "the warehouse is away")
    assert run.attempts == 3


def test_a_runner_that_is_stopped_costs_no_attempt(gates: Store, queue: Queue) -> None:
    run_id = flow.receive(gates, queue, ORDERS).run.id

    def stopped(_: Plan) -> Measured:
        raise RunnerStopped

    for _ in range(5):
        with pytest.raises(AttemptReleased):
            flow.run_attempt(gates, queue, stopped, run_id)
    flow.run_attempt(gates, queue, nothing_wrong, run_id)
    run = load(gates, run_id)
    assert (run.verdict, run.attempts, run.message) == (Verdict.PASS, 1, "")


def test_a_permanent_failure_is_an_error_at_once(gates: Store, queue: Queue) -> None:
    run_id = flow.receive(gates, queue, ORDERS).run.id

    def refused(_: Plan) -> Measured:
        raise RunnerError("no such role", transient=False)

    flow.run_attempt(gates, queue, refused, run_id)
    run = load(gates, run_id)
    assert (run.verdict, run.attempts, run.message) == (Verdict.ERROR, 1, "no such role")


def test_a_run_whose_carriers_keep_dying_is_given_up(gates: Store, queue: Queue) -> None:
    run_id = flow.receive(gates, queue, ORDERS).run.id
    for _ in range(3):
        assert flow.plan(gates, run_id) is not None
    flow.run_attempt(gates, queue, nothing_wrong, run_id)
    run = load(gates, run_id)
    assert run.verdict is Verdict.ERROR
    assert "3 attempts" in run.message


def test_only_the_newest_attempt_may_conclude(gates: Store, queue: Queue) -> None:
    run_id = flow.receive(gates, queue, ORDERS).run.id
    late = flow.plan(gates, run_id)
    assert late is not None
    flow.run_attempt(gates, queue, nothing_wrong, run_id)
    flow.conclude(gates, queue, late[0], Measured(failure="the late one says error"))
    assert load(gates, run_id).verdict is Verdict.PASS
    assert count(gates, "results") == 2
    assert count(gates, "acknowledgements") == 1
    assert flow.plan(gates, run_id) is None


def test_two_attempts_that_conclude_at_once_give_one_verdict(gates: Store, queue: Queue) -> None:
    run_id = flow.receive(gates, queue, ORDERS).run.id
    planned = flow.plan(gates, run_id)
    assert planned is not None
    attempt, plan = planned
    together = threading.Barrier(8)

    def conclude() -> None:
        together.wait()
        flow.conclude(gates, queue, attempt, nothing_wrong(plan))

    threads = [threading.Thread(target=conclude) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count(gates, "results") == 2
    assert count(gates, "acknowledgements") == 1


def test_a_missing_measurement_is_never_a_pass(gates: Store, queue: Queue) -> None:
    run_id = flow.receive(gates, queue, ORDERS).run.id
    flow.run_attempt(gates, queue, lambda _: Measured([Measurement("id_unique", 10, 0)]), run_id)
    assert load(gates, run_id).verdict is Verdict.ERROR


@pytest.mark.parametrize(
    ("on_no_data", "verdict", "is_open"),
    [("fail", Verdict.NO_DATA, False), ("warn", Verdict.WARN, True), ("pass", Verdict.PASS, True)],
)
def test_no_row_tested_is_what_the_gate_makes_of_it_and_said(
    gates: Store,
    queue: Queue,
    rule_types: dict[str, RuleType],
    on_no_data: str,
    verdict: Verdict,
    *,
    is_open: bool,
) -> None:
    empty = "table: shop.empty"
    policy = f"{empty}\n    on_no_data: {on_no_data}"
    apply_configuration(gates, rule_types, GATES.format(host="nowhere").replace(empty, policy))
    run_id = flow.receive(gates, queue, Request("shop.empty", Trigger.HTTP)).run.id
    flow.run_attempt(gates, queue, lambda _: Measured([Measurement("id_present", 0, 0)]), run_id)
    run = load(gates, run_id)
    assert (run.verdict, run.open, run.message) == (verdict, is_open, "no row was tested")


def test_an_unknown_run_says_so(gates: Store) -> None:
    with pytest.raises(UnknownRun):
        load(gates, RunId(uuid4()))


def test_a_store_that_is_away_is_named() -> None:
    away = Store("postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(StoreUnavailable):
        flow.receive(away, Queue(), ORDERS)
