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
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import click

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
from bench.shop import ROWS, RULES, TABLE, load_shop
from console.client import Client
from gatekeeper.domain.gate import Gate
from gatekeeper.store.gates import find_gate
from runner.engine import build_environment
from runner.project import CHECK_PREFIX, DBT_PROJECT, ROWS_TESTED, render_project
from standalone.service import running_service, wait_until_ready

WAIT_SECONDS = 30
WARM_UP_RUNS = 20
DBT_SECONDS = 120
LIMIT_SECONDS = 1200

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
        connection = load_shop(arena.socket)
        add_gate(arena, connection, TABLE, RULES)
        with running_service(arena.settings, arena.place, {}, arena.logs):
            wait_until_ready(arena.url)
            with time_limit(LIMIT_SECONDS):
                measured = _measure(Client(arena.url), DbtProcess(arena, connection), runs, turn)
        figures = _build_figures(measured)
        size = f"{ROWS:,} rows, {len(RULES)} rules, the same failing counts"
        print_figures(f"Trigger to stored verdict; dbt test with partial parsing: {size}", figures)
        save_figures("latency.jsonl", arena, figures)


class DbtProcess:
    """The gate's rendered project, tested as a user would by hand: one `dbt test`, one process."""

    def __init__(self, arena: Arena, connection: Mapping[str, str]) -> None:
        with arena.store.transaction() as tx:
            gate = find_gate(tx, TABLE)
        self._directory = arena.settings.data_dir / "by-hand"
        render_project(_build_order(gate), self._directory)
        complete = {"port": "5432", "sslmode": "prefer", **connection}
        self._environment = {**os.environ, **build_environment(complete, "bench")}

    def run(self) -> float:
        """Test the rules; gives the seconds that the whole process took."""
        command = [
            str(Path(sys.executable).with_name("dbt")),
            *("test", "--no-send-anonymous-usage-stats", "--profiles-dir", "."),
            *("--vars", (self._directory / "vars").read_text()),
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
        "adapter": "postgres",
        "dbt_project": str(DBT_PROJECT),
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
