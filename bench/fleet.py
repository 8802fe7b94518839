"""How many verdicts a second a fleet gives, by how many runners it has, and what one store carries.

`python -m bench.fleet`. Runners of one lane each judge a small gate, and a gate that waits on its
warehouse: a view that sleeps stands in for a slow one. Beside them the store by itself: runs whose
warehouse answers at once, and jobs that are only claimed and finished. Store, warehouse and
runners share the machine's cores.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import click
import procrastinate
import psycopg
import yaml

from bench.arena import (
    Arena,
    BenchmarkFailed,
    Figures,
    open_arena,
    save_figures,
    time_limit,
)
from bench.shop import DATABASE, load_shop
from gatekeeper import flow
from gatekeeper.catalogue.rule_types import load_rule_types
from gatekeeper.configuration.apply import apply_configuration
from gatekeeper.domain.batch import Range
from gatekeeper.domain.run import Request, Trigger
from gatekeeper.queue.jobs import Queue
from gatekeeper.settings import ROOT
from standalone.postgres import superuser_url
from standalone.supervisor import Role, Supervisor

SMALL, SLOW, INSTANT = "shop.small", "shop.slow", "shop.instant"
SLEEP_SECONDS = 2
FLEETS = (1, 2, 4)
WARM_UP_RUNS_A_LANE = 6
RUNS = {SMALL: 120, SLOW: 24, INSTANT: 2000}
CLAIMS, CLAIMERS = 4000, 8
LIMIT_SECONDS = 1800

_TABLES = f"""
create table shop.small as select i as id, i % 7 as kind from generate_series(1, 1000) i;
create view shop.slow as
    select small.* from shop.small cross join (select pg_sleep({SLEEP_SECONDS}) offset 0) slept;
create view shop.instant as select * from shop.small;
grant select on all tables in schema shop to bench_reader;
"""


@click.command()
def main() -> None:
    """Time fleets of one, two and four runners, then the store alone."""
    with open_arena() as arena, time_limit(LIMIT_SECONDS):
        add_gates(arena, load_shop(arena.socket))
        figures = [time_fleet(arena, table, size) for table in (SMALL, SLOW) for size in FLEETS]
        figures += [time_store(arena), time_claims(arena)]
        print_table(figures)
        save_figures("fleet.jsonl", arena, figures)


def add_gates(arena: Arena, connection: Mapping[str, str]) -> None:
    """Store three gates that differ only in their table: three rules of one scan each."""
    with psycopg.connect(superuser_url(arena.socket, DATABASE)) as shop:
        shop.execute(_TABLES)
    rules: list[dict[str, Any]] = [
        {"name": "id_present", "type": "not_null", "parameters": {"column": "id"}},
        {"name": "kind_present", "type": "not_null", "parameters": {"column": "kind"}},
        {
            "name": "kind_possible",
            "type": "value_between",
            "parameters": {"column": "kind", "min": 0, "max": 6},
        },
    ]
    document = {
        "warehouses": [{"name": "bench", "connection": dict(connection)}],
        "gates": [
            {"warehouse": "bench", "table": table, "rules": rules}
            for table in (SMALL, SLOW, INSTANT)
        ],
    }
    apply_configuration(arena.store, load_rule_types(), yaml.safe_dump(document))


def time_fleet(arena: Arena, table: str, size: int) -> Figures:
    """Give the verdicts a second of so many runners on the table, warm."""
    runner = [sys.executable, str(ROOT / "app.py"), "runner"]
    with running(arena, [runner] * size, STRINGX_LANES="1"):
        wait_for(arena, "select count(*) from runners where state = 'running'", size)
        ask(arena, SMALL, size * WARM_UP_RUNS_A_LANE)
        ask(arena, table, size * 2)
        seconds = ask(arena, table, RUNS[table])
        lanes = read(arena, "select avg((lanes->0->>'mebibytes')::int)::int from runners")
        parents = read(arena, "select avg(mebibytes)::int from runners")
        connections = read(
            arena, "select count(*) from pg_stat_activity where datname = current_database()"
        )
    return {
        "arm": table.removeprefix("shop."),
        "runners": size,
        "n": RUNS[table],
        "per_second": round(RUNS[table] / seconds, 2),
        "lane_mebibytes": lanes,
        "runner_mebibytes": parents,
        "store_connections": connections,
    }


def time_store(arena: Arena) -> Figures:
    """Give the runs a second that the store carries when the warehouse takes no time."""
    instant = [sys.executable, "-m", "bench.instant_runner", arena.place.store_url, "4"]
    with running(arena, [instant] * 2):
        ask(arena, INSTANT, 100)
        seconds = ask(arena, INSTANT, RUNS[INSTANT])
    return {
        "arm": "store alone",
        "n": RUNS[INSTANT],
        "per_second": round(RUNS[INSTANT] / seconds, 1),
    }


@contextmanager
def running(arena: Arena, commands: Sequence[Sequence[str]], **settings: str) -> Iterator[None]:
    """Run a worker and these processes for the while."""
    environment = {**os.environ, "STRINGX_DATABASE_URL": arena.place.store_url, **settings}
    worker = Role("worker", [sys.executable, str(ROOT / "app.py"), "worker"], arena.logs / "w.log")
    roles = [
        Role(f"runner-{number}", command, arena.logs / f"runner-{number}.log")
        for number, command in enumerate(commands)
    ]
    supervisor = Supervisor([worker, *roles], environment)
    try:
        supervisor.start()
        yield
    finally:
        supervisor.stop(30)


def ask(arena: Arena, table: str, runs: int) -> float:
    """Ask about so many batches of the table; give the seconds from the first start to the last
    end, all of them judged.
    """
    requests = [
        Request(table, Trigger.MANUAL, batch=Range("id", start=1, end=1000 + number))
        for number in range(runs)
    ]
    since = read(arena, "select coalesce(max(position), 0) from runs")
    flow.receive_many(arena.store, Queue(), requests)
    mine = f"from runs where position > {since}"
    wait_for(arena, f"select count(*) {mine} and state = 'finished'", runs)
    judged = read(arena, f"select count(*) {mine} and verdict = 'pass'")
    if judged != runs:
        raise BenchmarkFailed(f"of {runs} runs {judged} passed")
    return float(
        read(arena, f"select extract(epoch from max(finished_at) - min(started_at)) {mine}")
    )


def time_claims(arena: Arena) -> Figures:
    """Give the jobs a second that are claimed and finished, with nothing done in between."""
    seconds = asyncio.run(_claim_all(arena.place.store_url))
    return {"arm": "queue alone", "n": CLAIMS, "per_second": round(CLAIMS / seconds, 1)}


async def _claim_all(conninfo: str) -> float:
    app = procrastinate.App(
        connector=procrastinate.PsycopgConnector(conninfo=conninfo, max_size=CLAIMERS)
    )
    async with app.open_async():
        deferrers = [
            app.configure_task("nothing", queue="bench", lock=f"{number}")
            for number in range(CLAIMS)
        ]
        await app.job_manager.batch_defer_jobs_async([each.make_new_job() for each in deferrers])
        worker_id = await app.job_manager.register_worker()
        began = time.monotonic()
        await asyncio.gather(*(_claim(app, worker_id) for _ in range(CLAIMERS)))
        seconds = time.monotonic() - began
        await app.job_manager.unregister_worker(worker_id)
    return seconds


async def _claim(app: procrastinate.App, worker_id: int) -> None:
    while job := await app.job_manager.fetch_job(queues=["bench"], worker_id=worker_id):
        await app.job_manager.finish_job(job, procrastinate.jobs.Status.SUCCEEDED, delete_job=True)


def read(arena: Arena, query: str) -> Any:
    """Give the one value that the query finds in the store."""
    with psycopg.connect(arena.place.store_url) as store:
        row = store.execute(query).fetchone()
    return row[0] if row else None


def wait_for(arena: Arena, query: str, value: int) -> None:
    """Wait until the query finds the value; the benchmark's own limit bounds it."""
    while read(arena, query) != value:
        time.sleep(0.2)


def print_table(figures: Sequence[Figures]) -> None:
    """Print the figures as a page has them."""
    print("\n| | runners | verdicts a second | MiB a lane | MiB a runner | connections |")
    print("|---|---|---|---|---|---|")
    columns = ("runners", "per_second", "lane_mebibytes", "runner_mebibytes", "store_connections")
    for each in figures:
        print("|", each["arm"], *(f"| {each.get(column, '')}" for column in columns), "|")


if __name__ == "__main__":
    main()
