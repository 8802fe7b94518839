"""How long from a trigger to its stored verdict, beside `dbt test` as a process of its own.

`python -m bench.latency`. Both arms test the same rules on the same table, turn by turn in one
run: a warm service is asked over HTTP, one trigger after the other; between them the same rendered
project is tested by hand, with dbt's partial parsing as a user would have it. Their counts are
compared each time.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
import psycopg

from bench.arena import (
    Arena,
    BenchmarkFailed,
    Figures,
    add_gate,
    build_arm,
    build_ratio,
    open_arena,
    print_figures,
    save_figures,
    time_limit,
)
from console.client import Client
from gatekeeper.domain.gate import Gate
from gatekeeper.store.gates import find_gate
from runner.engine import build_environment
from runner.project import CHECK_PREFIX, ROWS_TESTED, render_project
from runner.references import resolve_connection
from standalone.postgres import superuser_url
from standalone.service import running_service, wait_until_ready

ROWS = 10_000
TABLE = "shop.orders"
WAIT_SECONDS = 30
WARM_UP_RUNS = 20
DBT_SECONDS = 120
LIMIT_SECONDS = 1200

# Some rules fail and some pass, so that the counts that are compared say something.
_SHOP = f"""
create schema shop;
create table shop.customers as select i as id from generate_series(1, 500) i;
create table shop.orders as select
    case when i % 2500 = 0 then i - 1 else i end as id,
    case when i % 400 = 0 then null when i % 1000 = 1 then 501 else i % 500 + 1 end as customer_id,
    case when i % 2000 = 0 then 'lost' else (array['paid', 'sent'])[i % 2 + 1] end as status,
    (array['EUR', 'USD'])[i % 2 + 1] as currency,
    case when i % 5000 = 0 then -1 else (i % 500) / 2.0 end as amount,
    date '2024-01-01' + i % 366 as ordered_on,
    date '2024-01-01' + i % 366 + case when i % 3000 = 0 then -1 else 2 end as shipped_on,
    case when i % 100 > 0 then 'someone' || i || '@example.org' end as email
from generate_series(1, {ROWS}) i;
create role bench_reader login;
grant usage on schema shop to bench_reader;
grant select on all tables in schema shop to bench_reader;
analyze;
"""

RULES: Sequence[Mapping[str, Any]] = [
    {"name": "id_present", "type": "not_null", "parameters": {"column": "id"}},
    {"name": "id_unique", "type": "unique", "parameters": {"columns": ["id"]}},
    {"name": "customer_present", "type": "not_null", "parameters": {"column": "customer_id"}},
    {
        "name": "customer_known",
        "type": "relationships",
        "parameters": {"column": "customer_id", "to": "shop.customers", "field": "id"},
    },
    {
        "name": "status_known",
        "type": "accepted_values",
        "parameters": {"column": "status", "values": ["paid", "sent"]},
    },
    {
        "name": "currency_known",
        "type": "accepted_values",
        "parameters": {"column": "currency", "values": ["EUR", "USD"]},
    },
    {
        "name": "amount_possible",
        "type": "value_between",
        "parameters": {"column": "amount", "min": 0, "max": 1000},
    },
    {
        "name": "ordered_in_2024",
        "type": "value_between",
        "parameters": {"column": "ordered_on", "min": "2024-01-01", "max": "2024-12-31"},
    },
    {
        "name": "shipped_after_ordered",
        "type": "expression",
        "parameters": {"expression": "shipped_on >= ordered_on"},
    },
    {
        "name": "email_present",
        "type": "not_null",
        "parameters": {"column": "email"},
        "severity": "warn",
    },
]

Counts = dict[str, int | None]
"""Failing rows by rule; the rows tested stand beside them as ROWS_TESTED."""

STAGES = ("received", "queued", "started", "finished", "acknowledged")


@dataclass
class Measured:
    """What was measured so far: the triggers as the client timed them, with the stored times of
    each run, and the dbt processes.
    """

    triggers: list[float] = field(default_factory=list)
    timings: list[dict[str, datetime]] = field(default_factory=list)
    processes: list[float] = field(default_factory=list)

    def between(self, start: str, end: str) -> list[float]:
        """The seconds from one stored stage of each run to another."""
        return [(times[end] - times[start]).total_seconds() for times in self.timings]


@click.command()
@click.option("--runs", default=200, show_default=True, help="Triggers to time.")
@click.option("--turn", default=20, show_default=True, help="Triggers between two dbt processes.")
def main(runs: int, turn: int) -> None:
    """Time triggers over HTTP, and `dbt test` processes between them."""
    with open_arena() as arena:
        connection = _load_warehouse(arena)
        add_gate(arena, connection, TABLE, RULES)
        with running_service(arena.settings, arena.place, {}, arena.logs):
            wait_until_ready(arena.url)
            with time_limit(LIMIT_SECONDS):
                measured = _measure(Client(arena.url), DbtProcess(arena), runs, turn)
        figures = _build_figures(measured)
        print_figures(f"Trigger to stored verdict, {ROWS:,} rows, {len(RULES)} rules", figures)
        save_figures("latency.jsonl", arena, figures)


def _load_warehouse(arena: Arena) -> dict[str, str]:
    """Make the judged table in a database of its own; gives the connection of its reader."""
    with psycopg.connect(superuser_url(arena.socket), autocommit=True) as server:
        server.execute("create database shop")
    with psycopg.connect(superuser_url(arena.socket, "shop")) as warehouse:
        warehouse.execute(_SHOP.encode())
    return {"host": str(arena.socket), "database": "shop", "user": "bench_reader"}


class DbtProcess:
    """The gate's rendered project, tested as a user would by hand: one `dbt test`, one process."""

    def __init__(self, arena: Arena) -> None:
        with arena.store.transaction() as tx:
            gate = find_gate(tx, TABLE)
        self._directory = arena.settings.data_dir / "by-hand"
        render_project(_build_order(gate), self._directory)
        connection = {"port": "5432", "sslmode": "prefer", "user": "bench_reader"}
        connection |= {"host": str(arena.socket), "database": "shop"}
        self._environment = {
            **os.environ,
            **build_environment(resolve_connection(connection, {}, Path()), "bench"),
        }

    def run(self) -> float:
        """Test the rules; gives the seconds that the whole process took."""
        command = [
            str(Path(sys.executable).with_name("dbt")),
            *("test", "--no-send-anonymous-usage-stats", "--profiles-dir", "."),
            *("--vars", (self._directory / "vars.json").read_text()),
        ]
        started = time.perf_counter()
        ended = subprocess.run(
            command,
            cwd=self._directory,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=DBT_SECONDS,
            check=False,
        )
        seconds = time.perf_counter() - started
        # 1: some tests failed, as they should; 2: dbt couldn't test.
        if ended.returncode not in (0, 1):
            raise BenchmarkFailed(f"dbt test ended with {ended.returncode}: {ended.stdout}")
        return seconds

    def counts(self) -> Counts:
        """What the last run counted."""
        written = json.loads((self._directory / "target" / "run_results.json").read_text())
        return {
            result["unique_id"].split(".")[2].removeprefix(CHECK_PREFIX): result["failures"]
            for result in written["results"]
        }


def _build_order(gate: Gate) -> dict[str, Any]:
    """The order that a lane would get, made plain by JSON as on its way there."""
    order = {
        "table": gate.table,
        "rules": [asdict(rule) for rule in gate.rule_set.rules],
        "batch": None,
        "deadline_seconds": gate.policy.deadline_seconds,
    }
    plain: dict[str, Any] = json.loads(json.dumps(order))
    return plain


def _measure(client: Client, dbt: DbtProcess, runs: int, turn: int) -> Measured:
    """Take turns until all triggers are timed; both arms are warmed up before."""
    measured = Measured()
    for _ in range(WARM_UP_RUNS):
        _trigger(client)
    dbt.run()
    for number in range(1, runs + 1):
        started = time.perf_counter()
        run = _trigger(client)
        measured.triggers.append(time.perf_counter() - started)
        measured.timings.append(_read_timings(run))
        if number % turn == 0 or number == runs:
            measured.processes.append(dbt.run())
            _compare(_read_counts(client, run["id"]), dbt.counts())
    return measured


def _trigger(client: Client) -> dict[str, Any]:
    run = client.trigger(TABLE, wait_seconds=WAIT_SECONDS)
    if run["verdict"] != "fail":
        raise BenchmarkFailed(f"the verdict is {run['verdict']}, not fail: {run['message']}")
    return run


def _read_timings(run: Mapping[str, Any]) -> dict[str, datetime]:
    return {stage: datetime.fromisoformat(run["timings"][f"{stage}_at"]) for stage in STAGES}


def _read_counts(client: Client, run_id: str) -> Counts:
    checks = client.results(run_id)["checks"]
    tested = {check["rows_tested"] for check in checks}
    failed = {check["rule"]: check["rows_failed"] for check in checks}
    return {**failed, ROWS_TESTED: tested.pop() if len(tested) == 1 else None}


def _compare(ours: Counts, dbts: Counts) -> None:
    if ours != dbts or len(ours) != len(RULES) + 1 or ours[ROWS_TESTED] != ROWS:
        raise BenchmarkFailed(f"the arms disagree: {ours} here, {dbts} by dbt test")


def _build_figures(measured: Measured) -> list[Figures]:
    trigger = build_arm("trigger_to_verdict", measured.triggers)
    process = build_arm("dbt_test_process", measured.processes)
    return [
        trigger,
        build_arm("received_to_finished", measured.between("received", "finished")),
        *(
            build_arm(f"{start}_to_{end}", measured.between(start, end))
            for start, end in pairwise(STAGES)
        ),
        process,
        build_ratio(
            "p50 of dbt_test_process / p50 of trigger_to_verdict",
            process["p50_seconds"],
            trigger["p50_seconds"],
        ),
    ]


if __name__ == "__main__":
    main()
