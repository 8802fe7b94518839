"""How many triggers a second are accepted over HTTP by two web processes, each stored and queued.

`python -m bench.intake`. No runner is up, so nothing is taken off the queue: what was answered 202
must all be in the store, once. Beside it, round by round in the same run, the floor: as many
single-row INSERTs, committed one by one by as many threads straight into the same PostgreSQL. The
clients share the machine's cores with what they measure.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import uuid4

import click
import psycopg
import requests

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
from bench.callers import Answers, Call, Callers, Errand, open_callers
from gatekeeper.settings import ROOT
from standalone.service import STOP_MARGIN_SECONDS, wait_until_ready
from standalone.supervisor import Role, Supervisor

TABLE = "shop.orders"
WEB_PROCESSES = 2
ROUNDS = 3
CALL_SECONDS = 30
LIMIT_SECONDS = 600

_STORED = """
select (select count(*) from requests), (select count(*) from runs),
    (select count(*) from procrastinate_jobs where status = 'todo'),
    (select count(*) from requests
        join runs on runs.request_id = requests.id and runs.state = 'queued'
        join procrastinate_jobs job on job.id = runs.job_id and job.status = 'todo'
        where runs.id = any(%s::uuid[]))
"""


@dataclass(frozen=True)
class Measured:
    """The answers of every round, of one side and of the other."""

    triggers: Sequence[Answers]
    inserts: Sequence[Answers]


@click.command()
@click.option("--triggers", default=3000, show_default=True, help="Triggers, in all rounds.")
@click.option("--processes", default=2, show_default=True, help="Client processes.")
@click.option("--threads", default=4, show_default=True, help="Threads of each client process.")
def main(triggers: int, processes: int, threads: int) -> None:
    """Fire triggers from several clients at once, and count what is stored."""
    calls = max(1, triggers // (ROUNDS * processes * threads))
    with open_arena(STRINGX_WEB_PROCESSES=str(WEB_PROCESSES)) as arena:
        connection = {"host": "localhost", "database": "shop", "user": "nobody"}
        rule = {"name": "id_present", "type": "not_null", "parameters": {"column": "id"}}
        add_gate(arena, connection, TABLE, [rule])
        with (
            running_web(arena),
            open_callers(processes, threads) as callers,
            time_limit(LIMIT_SECONDS),
        ):
            measured = _measure(arena, callers, calls)
        figures = _build_figures(measured)
        clients = f"{WEB_PROCESSES} web processes, {processes} x {threads} clients"
        print_figures(f"Triggers accepted, stored and queued: {clients}", figures)
        save_figures("intake.jsonl", arena, figures)


@contextmanager
def running_web(arena: Arena) -> Iterator[None]:
    """Run web alone: nothing takes a job off the queue."""
    command = [sys.executable, str(ROOT / "app.py"), "web"]
    environment = {**os.environ, "STRINGX_DATABASE_URL": arena.place.store_url}
    supervisor = Supervisor([Role("web", command, arena.logs / "web.log")], environment)
    try:
        supervisor.start()
        wait_until_ready(arena.url)
        yield
    finally:
        supervisor.stop(arena.settings.drain_seconds + STOP_MARGIN_SECONDS)


def _measure(arena: Arena, callers: Callers, calls: int) -> Measured:
    """Let the sides take turns, each thread so many calls, after one that nobody times."""
    store_url = arena.place.store_url
    with psycopg.connect(store_url) as store:
        store.execute("create table inserted (id uuid primary key, body jsonb)")
    warm_up = callers.run(Errand(connect_api, arena.url, 1))
    callers.run(Errand(connect_store, store_url, 1))
    triggers, inserts = [], []
    for _ in range(ROUNDS):
        triggers.append(callers.run(Errand(connect_api, arena.url, calls)))
        inserts.append(callers.run(Errand(connect_store, store_url, calls)))
    _check_stored(arena, [warm_up, *triggers])
    return Measured(triggers, inserts)


@contextmanager
def connect_api(url: str) -> Iterator[Call]:
    """Trigger the gate; the 202 is awaited, the verdict is not."""
    with requests.Session() as session:

        def call() -> str | None:
            answer = session.post(f"{url}/api/v1/runs", json={"table": TABLE}, timeout=CALL_SECONDS)
            if answer.status_code != requests.codes.accepted:
                return None
            run_id: str = answer.json()["id"]
            return run_id

        yield call


@contextmanager
def connect_store(conninfo: str) -> Iterator[Call]:
    """Insert one row and commit."""
    with psycopg.connect(conninfo, autocommit=True) as connection:

        def call() -> str:
            row_id = uuid4()
            connection.execute("insert into inserted values (%s, '{}')", [row_id])
            return str(row_id)

        yield call


def _check_stored(arena: Arena, answers: Sequence[Answers]) -> None:
    """Every accepted trigger is one request with one queued run and its job; nothing else is."""
    accepted = [run_id for each in answers for run_id in each.ids]
    with psycopg.connect(arena.place.store_url) as store:
        stored = store.execute(_STORED, [accepted]).fetchone()
    if not accepted or stored != (len(accepted),) * 4:
        raise BenchmarkFailed(
            f"{len(accepted)} triggers were accepted; requests, runs, jobs, all three: {stored}"
        )
    refused = sum(each.refused for each in answers)
    print(
        f"{len(accepted)} triggers were answered 202, warm-up included, and {refused} were not; "
        f"the store holds {len(accepted)} requests, each with a queued run and its job"
    )


def _build_figures(measured: Measured) -> list[Figures]:
    triggers = _build_arm("trigger_accepted", measured.triggers)
    inserts = _build_arm("insert_committed", measured.inserts)
    return [
        triggers,
        inserts,
        build_ratio(
            "insert_committed per second / trigger_accepted per second",
            inserts["per_second"],
            triggers["per_second"],
        ),
    ]


def _build_arm(name: str, rounds: Sequence[Answers]) -> Figures:
    seconds = [each for answers in rounds for each in answers.seconds]
    elapsed = sum(answers.ended - answers.began for answers in rounds)
    return build_arm(name, seconds, per_second=round(len(seconds) / elapsed, 1))


if __name__ == "__main__":
    main()
