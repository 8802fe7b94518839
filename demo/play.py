"""Playing the demo: all started, one trigger per gate, what was found, all stopped again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from console.client import Client
from console.show import console, show_run
from demo.over_kafka import CLIENT, TABLE, ask, reachable_brokers
from demo.warehouse import ROWS, DemoFailed, demo_environment, load_warehouse
from gatekeeper.catalogue.load import load_catalogue
from gatekeeper.configuration.apply import apply_configuration
from gatekeeper.configuration.text import parse_document
from gatekeeper.settings import KafkaSettings, Settings
from gatekeeper.store.engine import Store
from standalone.service import BOOTSTRAP, Place, running_service, store_place, wait_until_ready

GATES = Path(__file__).parent / "gates.yml"
WAIT_SECONDS = 60

Answer = tuple[dict[str, Any], list[dict[str, Any]]]


def play(settings: Settings, migrate: Callable[[Store], None], *, over_kafka: bool = False) -> None:
    """Judge every gate of the demo, and one of them over Kafka too where that is wanted; raises
    DemoFailed where one gave no verdict.
    """
    url = f"http://{settings.address}"
    logs = settings.data_dir / "logs"
    with ExitStack() as running:
        kafka = _reach_brokers(running) if over_kafka else None
        with _step("Starting PostgreSQL"):
            place = running.enter_context(store_place(settings))
        _prepare(settings, place, migrate)
        roles = "web, worker, runner and consumer" if kafka else "web, worker and runner"
        with _step(f"Starting {roles}"):
            environment = demo_environment(settings, place)
            if kafka and kafka.bootstrap:
                environment[BOOTSTRAP] = kafka.bootstrap
            running.enter_context(running_service(settings, place, environment, logs))
            wait_until_ready(url)
        answers = _judge(Client(url))
        for run, checks in answers:
            console.print()
            show_run(run, checks)
        console.print()
        if kafka:
            _ask_over_kafka(kafka)
        with _step("Stopping everything"):
            running.close()
    if unjudged := [run["table"] for run, _ in answers if run["verdict"] in (None, "error")]:
        raise DemoFailed(f"no verdict on {', '.join(unjudged)}; the logs are in {logs}")
    _say_where_to_look(url, logs, answers)


def _prepare(settings: Settings, place: Place, migrate: Callable[[Store], None]) -> None:
    with closing(Store(place.store_url)) as store:
        with _step("Migrating the store"):
            migrate(store)
        with _step(f"Flights data, {sum(ROWS.values()):,} rows"):
            load_warehouse(settings, place)
        with _step("Applying demo/gates.yml"):
            rule_types = load_catalogue(settings.dbt_project_dir)
            apply_configuration(store, rule_types, GATES.read_text("utf-8"))


def _judge(client: Client) -> list[Answer]:
    tables = [gate.table for gate in parse_document(GATES.read_text("utf-8")).gates]
    with (
        _step(f"Judging {len(tables)} gates, one HTTP trigger each"),
        ThreadPoolExecutor(len(tables)) as triggers,
    ):
        return list(triggers.map(lambda table: _ask(client, table), tables))


def _ask(client: Client, table: str) -> Answer:
    run = client.trigger(table, wait_seconds=WAIT_SECONDS)
    return run, client.results(run["id"])["checks"]


def _reach_brokers(running: ExitStack) -> KafkaSettings:
    with _step("Reaching a Kafka broker"):
        return running.enter_context(reachable_brokers())


def _ask_over_kafka(kafka: KafkaSettings) -> None:
    with _step(f"Asking {TABLE} over {kafka.triggers_topic}, the answer on {kafka.results_topic}"):
        said = ask(kafka)
    console.print(f"\n$ ./{CLIENT.name} --bootstrap {kafka.bootstrap} --table {TABLE}", style="dim")
    console.print(f"{said}\n", markup=False, highlight=False, soft_wrap=True)


@contextmanager
def _step(what: str) -> Iterator[None]:
    """Show what is being done while it is, and how long it took when it is."""
    started = time.monotonic()
    with console.status(f"{what} ..."):
        yield
    console.print(f"[green]✓[/] {what} [dim]{time.monotonic() - started:.1f} s[/]")


def _say_where_to_look(url: str, logs: Path, answers: list[Answer]) -> None:
    run_id = answers[-1][0]["id"]
    console.print(
        "\nWhere to look further:",
        "  Start it again, and keep it up:   ./start-service.sh",
        f"  The gates and their rules:        curl -s {url}/api/v1/gates",
        f"  The last run's checks, with SQL:  curl -s {url}/api/v1/runs/{run_id}/results",
        f"  What the processes said:          {logs}",
        sep="\n",
        soft_wrap=True,
    )
