"""Lanes with real dbt on the small warehouse."""

from __future__ import annotations

import os
import re
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb
import psycopg
import pytest

from gatekeeper.domain.batch import Batch, Range, Values
from gatekeeper.domain.errors import RunnerError, RunnerStopped
from gatekeeper.domain.gate import Warehouse
from gatekeeper.domain.plan import Increment, Plan
from gatekeeper.domain.rule import Dimension, Entity, Kind, Rule, Severity, build_rule_set
from gatekeeper.domain.run import RunId
from gatekeeper.domain.verdict import Measured, Measurement
from runner.lane_process import LaneLimits
from runner.lanes import Lanes
from standalone.postgres import superuser_url

LIMITS = LaneLimits(threads=2, max_runs=500, max_mebibytes=1024)


@pytest.fixture(scope="module")
def lanes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lanes]:
    lanes = Lanes(1, LIMITS, os.environ, tmp_path_factory.mktemp("secrets"))
    yield lanes
    lanes.close()


def rule(name: str, type_: str, severity: Severity = Severity.ERROR, **parameters: Any) -> Rule:
    return Rule(
        name, type_, parameters, Kind.ENGINEERING, Dimension.VALIDITY, Entity.COLUMN, severity
    )


def plan(
    warehouse: dict[str, str | int],
    *rules: Rule,
    table: str = "shop.orders",
    batch: Batch | None = None,
    deadline_seconds: int = 60,
) -> Plan:
    rule_set = build_rule_set(rules)
    return Plan(
        run_id=RunId(uuid4()),
        attempt=1,
        warehouse=Warehouse("shop", "duckdb" if "path" in warehouse else "postgres", warehouse),
        gate_id=1,
        table=table,
        rule_set_hash=rule_set.hash,
        rules=rule_set.rules,
        batch=batch,
        deadline_seconds=deadline_seconds,
    )


def measure(lanes: Lanes, a_plan: Plan) -> dict[str, Measurement]:
    return {measured.rule: measured for measured in lanes.measure(a_plan).measurements}


def test_every_rule_type_counts_what_is_wrong(lanes: Lanes, either: dict[str, str | int]) -> None:
    measured = measure(
        lanes,
        plan(
            either,
            rule("customer_present", "not_null", column="customer_id"),
            rule("id_unique", "unique", columns=["id"]),
            rule("pair_unique", "unique", columns=["id", "ordered_on"]),
            rule("status_known", "accepted_values", column="status", values=["paid", "sent"]),
            rule("id_listed", "accepted_values", column="id", values=[1, 2, 3, 4, 5, 6, 7, 8]),
            rule("amount_possible", "value_between", column="amount", min=0, max=100),
            rule("ordered_since", "value_between", column="ordered_on", min="2024-01-03"),
            rule(
                "customer_known",
                "relationships",
                column="customer_id",
                to="shop.customers",
                field="id",
            ),
            rule("amount_if_paid", "expression", expression="status <> 'paid' or amount < 101 --"),
        ),
    )
    assert {name: each.rows_failed for name, each in measured.items()} == {
        "customer_present": 1,
        "id_unique": 1,
        "pair_unique": 0,
        "status_known": 3,
        "id_listed": 1,
        "amount_possible": 3,
        "ordered_since": 2,
        "customer_known": 2,
        "amount_if_paid": 2,
    }
    assert {each.rows_tested for each in measured.values()} == {10}
    assert all(each.compiled_sql and each.duration_seconds for each in measured.values())
    assert measured["customer_present"].dbt_status == "fail"
    assert measured["pair_unique"].dbt_status == "pass"


@pytest.mark.parametrize(
    ("batch", "tested", "failed"),
    [
        (Range("ordered_on", start="2024-01-05", end="2024-01-08"), 3, 1),
        (Range("ordered_on", after="2024-01-05", through="2024-01-08"), 3, 1),
        (Range("id", start=8), 3, 0),
        (Range("id", through="6"), 6, 1),
        (Values("status", ("lost", "sent")), 4, 1),
        (Values("id", (6,)), 1, 1),
        (Range("ordered_on", start="2030-01-01", end="2031-01-01"), 0, 0),
    ],
)
def test_a_batch_bounds_what_is_tested(
    lanes: Lanes, either: dict[str, str | int], batch: Batch, tested: int, failed: int
) -> None:
    low = rule("amount_possible", "value_between", column="amount", min=0)
    (measured,) = lanes.measure(plan(either, low, batch=batch)).measurements
    assert (measured.rows_tested, measured.rows_failed) == (tested, failed)


def test_a_missing_column_is_that_checks_error_and_no_others(
    lanes: Lanes, either: dict[str, str | int]
) -> None:
    measured = measure(
        lanes,
        plan(
            either,
            rule("gone", "not_null", column="gone"),
            rule("there", "not_null", column="customer_id"),
        ),
    )
    assert measured["gone"].rows_failed is None
    assert '"gone"' in measured["gone"].message
    assert measured["there"].rows_failed == 1


def test_a_missing_table_is_the_runs_failure(lanes: Lanes, either: dict[str, str | int]) -> None:
    with pytest.raises(RunnerError, match="does not exist") as caught:
        lanes.measure(plan(either, rule("r", "not_null", column="id"), table="shop.gone"))
    assert not caught.value.transient
    assert not re.search("LINE|Database Error|Runtime Error", str(caught.value))


def test_the_columns_come_back_in_their_order_with_their_types(
    lanes: Lanes, either: dict[str, str | int]
) -> None:
    measured = lanes.measure(plan(either, rule("r", "not_null", column="id")))
    assert list(measured.columns) == ["id", "customer_id", "status", "amount", "ordered_on"]
    assert measured.columns["ordered_on"].lower() == "date"
    assert measured.batch is None


@pytest.mark.parametrize(
    ("batch", "reason"),
    [
        (Range("ordered_on", start="soon"), r"fit the column ordered_on \((date|DATE)\).*soon"),
        (Range("ordered_on", end="2024-02-30"), "2024-02-30"),
        (Range("id", after="one"), "fit the column id"),
        (Range("ordered_on", start=20240101), "20240101 is no value for the column ordered_on"),
        (Values("id", (1, True)), "True is no value for the column id"),
        (Values("status", (7,)), "7 is no value for the column status"),
        (Values("gone", (1,)), "column 'gone' isn't in the table; there are id, customer_id"),
    ],
)
def test_a_batch_that_the_column_can_not_hold_is_refused_by_name(
    lanes: Lanes, either: dict[str, str | int], batch: Batch, reason: str
) -> None:
    with pytest.raises(RunnerError, match=reason) as caught:
        lanes.measure(plan(either, rule("r", "not_null", column="id"), batch=batch))
    assert not caught.value.transient


def test_an_increment_is_what_lies_above_the_watermark(
    lanes: Lanes, either: dict[str, str | int]
) -> None:
    a_plan = plan(either, rule("r", "not_null", column="id"))

    def measured(column: str, watermark: str | None) -> tuple[Batch | None, int | None]:
        increment = Increment(column, watermark)
        found = lanes.measure(replace(a_plan, increment=increment))
        return found.batch, found.measurements[0].rows_tested

    assert measured("id", None) == (Range("id", through="10"), 10)
    assert measured("id", "8") == (Range("id", after="8", through="10"), 1)
    assert measured("id", "10") == (Range("id", after="10"), 0)
    last = Range("ordered_on", after="2024-01-08", through="2024-01-10")
    assert measured("ordered_on", "2024-01-08") == (last, 2)
    with pytest.raises(RunnerError, match="'gone' isn't in the table"):
        measured("gone", None)


EVIL = [
    "x') or 1=1; drop table shop.customers; --",
    "{{ env_var('HOME') }}",
    "{% do run_query('drop table shop.customers') %}",
    "env_var('HOME')",
    "var('x', '') ~ run_query('drop table shop.customers') ~ ('')",
    "O'Brien",
    'a" is null or "a',
    "$q$",
    "\\'; select 1; --",
    "{% raw %}",
]


@pytest.mark.parametrize("evil", EVIL)
def test_values_and_names_are_data_whatever_they_hold(
    lanes: Lanes, either: dict[str, str | int], evil: str
) -> None:
    measured = measure(
        lanes,
        plan(
            either,
            rule("value", "accepted_values", column="status", values=[evil]),
            rule("column", "not_null", column=evil),
            rule("other", "relationships", column="customer_id", to=f"shop.{evil}", field="id"),
        ),
    )
    assert measured["value"].rows_failed == 9
    assert re.search("does not (exist|have)|not found", measured["column"].message)
    assert measured["other"].rows_failed is None
    still = measure(lanes, plan(either, rule("r", "not_null", column="id"), table="shop.customers"))
    assert still["r"].rows_tested == 5


STACKED = (
    "true))) x; commit; delete from shop.customers; "
    "select 0 as failures, false as should_warn, false as should_error from (select 1 where ((true"
)


def test_free_sql_can_not_write(lanes: Lanes, warehouse: dict[str, str | int]) -> None:
    """The statement is whole, and would pass: it is the role that may only SELECT."""
    measured = measure(lanes, plan(warehouse, rule("evil", "expression", expression=STACKED)))
    assert measured["evil"].rows_failed is None
    assert "permission denied for table customers" in measured["evil"].message


@pytest.mark.parametrize("column", ["ctid", "sx_row", "k" * 64, "orders"])
def test_what_no_table_declares_is_no_column(
    lanes: Lanes, warehouse: dict[str, str | int], column: str
) -> None:
    measured = measure(lanes, plan(warehouse, rule("r", "not_null", column=column)))
    assert measured["r"].rows_failed is None


def test_values_arrive_as_they_were_sent(lanes: Lanes, either: dict[str, str | int]) -> None:
    small = [0.00001, *range(1, 9), 10]
    measured = measure(
        lanes,
        plan(
            either,
            rule("small", "accepted_values", column="id", values=small),
            rule("emoji", "accepted_values", column="status", values=["\U0001f600", "\x7f"]),
            rule("tiny", "value_between", column="amount", min=0.00001),
            batch=Values("status", ("paid", "sent", "\U0001f600")),
        ),
    )
    assert {name: each.rows_failed for name, each in measured.items()} == {
        "small": 0,
        "emoji": 6,
        "tiny": 0,
    }


def test_a_warehouse_that_is_not_there_is_worth_another_attempt(
    lanes: Lanes, warehouse: dict[str, str | int]
) -> None:
    nowhere = {**warehouse, "host": "127.0.0.1", "port": 1}
    with pytest.raises(RunnerError, match="refused") as caught:
        lanes.measure(plan(nowhere, rule("r", "not_null", column="id")))
    assert caught.value.transient


def test_a_role_that_does_not_exist_is_not_worth_another_attempt(
    lanes: Lanes, warehouse: dict[str, str | int]
) -> None:
    nobody = {**warehouse, "user": "nobody_at_all"}
    with pytest.raises(RunnerError, match="does not exist") as caught:
        lanes.measure(plan(nobody, rule("r", "not_null", column="id")))
    assert not caught.value.transient


@pytest.fixture
def guarded(postgres: Path, warehouse: dict[str, str | int]) -> dict[str, str | int]:
    """The warehouse, by a role whose password the server really asks for."""
    access = postgres / "pg_hba.conf"
    rule = "local all guarded scram-sha-256\n"
    if rule not in access.read_text():
        access.write_text(rule + access.read_text())
        with psycopg.connect(superuser_url(postgres, "warehouse"), autocommit=True) as server:
            server.execute("create role guarded login password 'right-hunter2' in role reader")
            server.execute("select pg_reload_conf()")
    return {**warehouse, "user": "guarded", "password": "env:STRINGX_WAREHOUSE_GUARDED"}


def test_a_password_is_used_and_a_wrong_one_is_not_shown(
    guarded: dict[str, str | int],
) -> None:
    def attempt(password: str) -> Measured:
        environment = {**os.environ, "STRINGX_WAREHOUSE_GUARDED": password}
        lanes = Lanes(1, LIMITS, environment, Path("/nowhere"))
        try:
            return lanes.measure(plan(guarded, rule("r", "not_null", column="id")))
        finally:
            lanes.close()

    assert attempt("right-hunter2").measurements[0].rows_failed == 0
    with pytest.raises(RunnerError, match="password authentication failed") as caught:
        attempt("wrong-hunter2")
    assert not caught.value.transient
    assert "hunter2" not in str(caught.value)


def test_an_unset_reference_says_which(lanes: Lanes, warehouse: dict[str, str | int]) -> None:
    unset = {**warehouse, "password": "env:STRINGX_WAREHOUSE_UNSET"}
    with pytest.raises(RunnerError, match="STRINGX_WAREHOUSE_UNSET") as caught:
        lanes.measure(plan(unset, rule("r", "not_null", column="id")))
    assert not caught.value.transient


def test_a_deadline_ends_the_run_and_what_it_left_on_the_warehouse(
    lanes: Lanes, warehouse: dict[str, str | int], postgres: Path
) -> None:
    slow = plan(
        warehouse,
        rule("slow", "expression", expression="slept"),
        table="shop.slow",
        deadline_seconds=4,
    )
    before = lanes.pids
    with pytest.raises(RunnerError, match="deadline of 4 s") as caught:
        lanes.measure(slow)
    assert not caught.value.transient
    assert lanes.pids != before
    with psycopg.connect(superuser_url(postgres, "warehouse")) as session:
        left = session.execute(
            "select count(*) from pg_stat_activity where application_name = %s",
            [f"stringx-{slow.run_id}"],
        ).fetchone()
    assert left == (0,)
    (measured,) = lanes.measure(plan(warehouse, rule("r", "not_null", column="id"))).measurements
    assert measured.rows_failed == 0


def test_a_lane_that_is_killed_at_work_is_replaced(
    lanes: Lanes, warehouse: dict[str, str | int]
) -> None:
    (pid,) = lanes.pids
    slow = plan(warehouse, rule("slow", "expression", expression="slept"), table="shop.slow")
    threading.Timer(3, os.kill, [pid, signal.SIGKILL]).start()
    with pytest.raises(RunnerError, match="died") as caught:
        lanes.measure(slow)
    assert caught.value.transient
    assert lanes.pids != [pid]


def test_a_lane_that_was_killed_at_rest_is_replaced_before_it_is_asked(
    lanes: Lanes, warehouse: dict[str, str | int]
) -> None:
    (pid,) = lanes.pids
    os.kill(pid, signal.SIGKILL)
    time.sleep(0.2)
    (measured,) = lanes.measure(plan(warehouse, rule("r", "not_null", column="id"))).measurements
    assert measured.rows_failed == 0
    assert lanes.pids != [pid]


def test_a_lane_is_replaced_after_so_many_runs(warehouse: dict[str, str | int]) -> None:
    lanes = Lanes(1, LaneLimits(2, max_runs=2, max_mebibytes=1024), os.environ, Path("/nowhere"))
    try:
        seen = []
        for _ in range(3):
            seen += lanes.pids
            lanes.measure(plan(warehouse, rule("r", "not_null", column="id")))
        assert seen[0] == seen[1] != seen[2]
    finally:
        lanes.close()


def test_a_lane_is_replaced_when_its_memory_has_grown(warehouse: dict[str, str | int]) -> None:
    lanes = Lanes(1, LaneLimits(2, max_runs=500, max_mebibytes=1), os.environ, Path("/nowhere"))
    try:
        before = lanes.pids
        lanes.measure(plan(warehouse, rule("r", "not_null", column="id")))
        assert lanes.pids != before
    finally:
        lanes.close()


def test_closing_ends_what_is_under_way(warehouse: dict[str, str | int]) -> None:
    lanes = Lanes(1, LIMITS, os.environ, Path("/nowhere"))
    slow = plan(warehouse, rule("slow", "expression", expression="slept"), table="shop.slow")
    threading.Timer(4, lanes.close).start()
    pids = lanes.pids
    with pytest.raises(RunnerStopped):
        lanes.measure(slow)
    lanes.close()
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_a_lane_sees_nothing_of_the_runners_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("STRINGX_DATABASE_URL", "postgresql://canary")
    monkeypatch.setenv("STRINGX_WAREHOUSE_OTHER_PASSWORD", "canary")
    monkeypatch.setenv("SOME_OTHER_SECRET", "canary")
    lanes = Lanes(1, LIMITS, os.environ, Path("/nowhere"))
    try:
        (pid,) = lanes.pids
        seen = Path(f"/proc/{pid}/environ").read_bytes().decode()
        assert "canary" not in seen
        names = {pair.partition("=")[0] for pair in seen.split("\0") if pair}
        assert names <= {"PATH", "LANG", "LC_ALL", "TZ", "HOME", "PYTHONWARNINGS", "SSL_CERT_FILE"}
    finally:
        lanes.close()


def test_an_idle_lane_lets_others_write_a_duckdb_file(
    lanes: Lanes, duck_warehouse: dict[str, str | int], tmp_path: Path
) -> None:
    path = tmp_path / "written.duckdb"
    shutil.copy(str(duck_warehouse["path"]), path)
    for _ in range(2):
        lanes.measure(plan({"path": str(path)}, rule("r", "not_null", column="id")))
        with duckdb.connect(str(path)) as owner:
            owner.execute("insert into shop.orders (id) values (11)")
