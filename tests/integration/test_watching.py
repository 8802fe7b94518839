"""Gates that ask by themselves: of changes, of what a look found, and by the clock."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from structlog.testing import capture_logs

from gatekeeper import watching
from gatekeeper.configuration.apply import Manner, apply_configuration
from gatekeeper.configuration.changes import Absent
from gatekeeper.domain.batch import Range
from gatekeeper.domain.errors import InvalidConfiguration, RunnerError
from gatekeeper.domain.plan import Plan
from gatekeeper.domain.rule import RuleType
from gatekeeper.domain.verdict import Measured
from gatekeeper.domain.watch import TableChange
from gatekeeper.queue.jobs import Queue
from gatekeeper.store.engine import Store
from runner.lanes import Lanes
from tests.integration.conftest import GATES
from tests.integration.test_recovery import sql

ORDERS = """
gates:
  - warehouse: shop
    table: shop.orders
    {policy}
    rules: []
"""

Apply = Callable[[str], None]


@pytest.fixture
def apply(gates: Store, rule_types: dict[str, RuleType]) -> Apply:
    """Gives the gate of the orders another policy; it keeps its rules."""
    return lambda policy: apply_policy(gates, rule_types, policy)


def apply_policy(gates: Store, rule_types: dict[str, RuleType], policy: str) -> None:
    apply_configuration(gates, rule_types, ORDERS.format(policy=policy))


def changed(*values: object, source: str = "warehouse.shop.orders") -> list[TableChange]:
    database, schema, table = source.split(".")
    return [TableChange(database, schema, table, {"id": value}) for value in values]


def asked(gates: Store) -> list[tuple[str, object]]:
    """The requests that came to be, each with its batch."""
    return sql(
        gates,
        "select requests.trigger, runs.batch from requests join runs on runs.request_id = "
        "requests.id order by runs.position",
    )


def end_window(gates: Store) -> None:
    sql(gates, "update gathered_changes set due_at = now()")


WINDOW = "watch: {column: id, window_seconds: 3600}"


def test_changes_within_a_window_are_one_run_from_the_smallest_to_the_greatest(
    gates: Store, queue: Queue, apply: Apply, client: FlaskClient
) -> None:
    apply(WINDOW)
    for first in range(0, 10_000, 500):
        # A tenth of them comes again, as after a rebalance.
        assert watching.gather_changes(gates, changed(*range(first, first + 550))) == []
    watching.watch(gates, queue)
    assert asked(gates) == []
    gathered = client.get("/api/v1/gates/shop.orders/watch").get_json()["gathered"]
    assert (gathered["low"], gathered["high"], gathered["changes"]) == (0, 10_049, 11_000)
    end_window(gates)
    watching.watch(gates, queue)
    watching.watch(gates, queue)
    assert asked(gates) == [("cdc", {"column": "id", "from": 0, "through": 10_049})]
    assert client.get("/api/v1/gates/shop.orders/watch").get_json()["gathered"] is None


def test_what_changes_after_the_window_is_another_run(
    gates: Store, queue: Queue, apply: Apply
) -> None:
    apply(WINDOW)
    for value in (1, 2):
        watching.gather_changes(gates, changed(value))
        end_window(gates)
        watching.watch(gates, queue)
    assert [batch for _, batch in asked(gates)] == [
        {"column": "id", "from": value, "through": value} for value in (1, 2)
    ]


def test_a_change_that_tells_no_value_makes_it_the_whole_table(
    gates: Store, queue: Queue, apply: Apply
) -> None:
    apply(WINDOW)
    watching.gather_changes(gates, changed(1, 2))
    watching.gather_changes(gates, [TableChange("warehouse", "shop", "orders", {})])
    watching.gather_changes(gates, changed(3))
    end_window(gates)
    watching.watch(gates, queue)
    assert asked(gates) == [("cdc", None)]


def test_changes_are_told_apart_by_the_tables_whole_name(
    gates: Store, queue: Queue, apply: Apply
) -> None:
    apply("watch: {column: id, window_seconds: 1, changes_of: crm.public.orders}")
    ours = changed(5, source="crm.public.orders")
    others = changed(1, source="crm.public.customers") + changed(2)
    assert watching.gather_changes(gates, [*others, *ours]) == others
    end_window(gates)
    watching.watch(gates, queue)
    assert asked(gates) == [("cdc", {"column": "id", "from": 5, "through": 5})]


def test_another_column_since_then_makes_it_the_whole_table(
    gates: Store, queue: Queue, apply: Apply
) -> None:
    apply(WINDOW)
    watching.gather_changes(gates, changed(1))
    apply(WINDOW.replace("column: id", "column: amount"))
    end_window(gates)
    watching.watch(gates, queue)
    assert asked(gates) == [("cdc", None)]


def test_consumers_gather_side_by_side(gates: Store, queue: Queue, apply: Apply) -> None:
    apply(WINDOW)
    polls = [changed(*range(first, first + 10)) for first in range(0, 200, 10)]
    threads = [
        threading.Thread(target=watching.gather_changes, args=(gates, poll)) for poll in polls
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = sql(gates, "select low, high, changes from gathered_changes")
    assert found == [(0, 199, 200)]


def test_changes_of_a_table_whose_name_can_not_be_told_need_one(
    gates: Store, rule_types: dict[str, RuleType]
) -> None:
    by_reference = GATES.format(host="h").replace(
        "database: warehouse", "database: env:STRINGX_WAREHOUSE_DB"
    )
    policy = "table: shop.orders\n    watch: {window_seconds: 5}"
    with pytest.raises(InvalidConfiguration) as refused:
        apply_configuration(gates, rule_types, by_reference.replace("table: shop.orders", policy))
    assert "gates.shop:shop.orders.watch.changes_of" in str(refused.value)
    assert "database.schema.table" in str(refused.value)


LOOK = "watch: {column: id, every_seconds: 3600}"


def looks(gates: Store) -> list[int]:
    """The gates whose look is on the queue."""
    wanted = "select (args->>'gate_id')::int from procrastinate_jobs where task_name = 'look'"
    return [gate_id for (gate_id,) in sql(gates, wanted)]


def test_a_look_asks_for_what_is_above_the_last(
    gates: Store, queue: Queue, apply: Apply, lanes: Lanes, client: FlaskClient
) -> None:
    apply(LOOK)
    watching.watch(gates, queue)
    watching.watch(gates, queue)
    (gate_id,) = looks(gates)
    watching.look(gates, queue, lanes.measure, gate_id)
    watching.look(gates, queue, lanes.measure, gate_id)
    assert asked(gates) == [("cdc", {"column": "id", "through": "10"})]
    state = client.get("/api/v1/gates/shop.orders/watch").get_json()["look"]
    assert (state["column"], state["seen"], state["trouble"]) == ("id", "10", "")
    sql(gates, "update looks set seen = '4'")
    watching.look(gates, queue, lanes.measure, gate_id)
    assert asked(gates)[1:] == [("cdc", {"column": "id", "after": "4", "through": "10"})]
    watching.watch(gates, queue)
    assert looks(gates) == [gate_id]
    sql(gates, "update looks set due_at = now()")
    watching.watch(gates, queue)
    assert looks(gates) == [gate_id] * 2


def test_a_look_that_fails_says_so_and_the_next_makes_up_for_it(
    gates: Store, queue: Queue, apply: Apply, lanes: Lanes, client: FlaskClient
) -> None:
    apply(LOOK.replace("id", "gone"))
    watching.watch(gates, queue)
    (gate_id,) = looks(gates)
    with capture_logs() as logs:
        watching.look(gates, queue, lanes.measure, gate_id)
    assert [entry["gate"] for entry in logs if entry["action"] == "look_failed"] == ["shop.orders"]
    state = client.get("/api/v1/gates/shop.orders/watch").get_json()["look"]
    assert "'gone' isn't in the table" in state["trouble"]
    assert asked(gates) == []
    apply(LOOK)
    watching.watch(gates, queue)
    watching.look(gates, queue, lanes.measure, gate_id)
    assert asked(gates) == [("cdc", {"column": "id", "through": "10"})]
    assert client.get("/api/v1/gates/shop.orders/watch").get_json()["look"]["trouble"] == ""


def test_two_looks_at_once_ask_once(gates: Store, queue: Queue, apply: Apply) -> None:
    apply(LOOK)
    watching.watch(gates, queue)
    (gate_id,) = looks(gates)

    def measure(plan: Plan) -> Measured:
        if not asked(gates):
            watching.look(gates, queue, lambda _: found, gate_id)
        return found

    found = Measured(batch=Range("id", through="10"))
    watching.look(gates, queue, measure, gate_id)
    assert asked(gates) == [("cdc", {"column": "id", "through": "10"})]


def test_a_gate_that_was_deleted_or_is_off_looks_no_more(
    gates: Store, queue: Queue, apply: Apply, rule_types: dict[str, RuleType]
) -> None:
    apply(LOOK)
    watching.watch(gates, queue)
    (gate_id,) = looks(gates)
    apply(LOOK + '\n    mode: "off"')

    def measure(_: Plan) -> Measured:
        raise RunnerError("nobody was to look", transient=False)

    watching.look(gates, queue, measure, gate_id)
    apply_configuration(gates, rule_types, "gates: []", Manner(Absent.DELETE))
    watching.look(gates, queue, measure, gate_id)
    sql(gates, "update looks set due_at = now()")
    watching.watch(gates, queue)
    assert looks(gates) == [gate_id]
    assert sql(gates, "select trouble from looks") == [("",)]


def test_a_gate_with_a_schedule_is_asked_when_it_is_due_however_late(
    gates: Store, queue: Queue, apply: Apply, client: FlaskClient
) -> None:
    apply("cron: '30 6 * * *'")
    watching.watch(gates, queue)
    due = client.get("/api/v1/gates/shop.orders/watch").get_json()["scheduled_at"]
    found = datetime.fromisoformat(due)
    assert (found.hour, found.minute) == (6, 30)
    assert timedelta() < found - datetime.now(UTC) <= timedelta(days=1)
    assert asked(gates) == []
    sql(gates, "update schedules set due_at = due_at - interval '3 days'")
    watching.watch(gates, queue)
    watching.watch(gates, queue)
    assert asked(gates) == [("schedule", None)]
    assert client.get("/api/v1/gates/shop.orders/watch").get_json()["scheduled_at"] == due


def test_another_schedule_takes_the_place_of_the_first(
    gates: Store, queue: Queue, apply: Apply, client: FlaskClient
) -> None:
    apply("cron: '30 6 * * *'")
    watching.watch(gates, queue)
    apply("cron: '45 7 * * *'")
    watching.watch(gates, queue)
    due = client.get("/api/v1/gates/shop.orders/watch").get_json()["scheduled_at"]
    assert "T07:45:00" in due
    apply("description: no schedule any more")
    sql(gates, "update schedules set due_at = now()")
    watching.watch(gates, queue)
    assert asked(gates) == []
    assert client.get("/api/v1/gates/shop.orders/watch").get_json()["scheduled_at"] is None


def test_a_gate_without_rules_asks_nothing_and_holds_no_other_up(
    gates: Store, queue: Queue, rule_types: dict[str, RuleType]
) -> None:
    both = "gates:" + "".join(
        ORDERS.removeprefix("\ngates:").format(policy="cron: '* * * * *'").replace("orders", table)
        for table in ("unruly", "customers")
    )
    apply_configuration(gates, rule_types, both)
    watching.watch(gates, queue)
    sql(gates, "update schedules set due_at = now()")
    with capture_logs() as logs:
        watching.watch(gates, queue)
    assert [entry["gate"] for entry in logs if entry["action"] == "not_asked"] == ["shop.unruly"]
    assert asked(gates) == [("schedule", None)]
