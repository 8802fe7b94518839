"""How many triggers a second a consumer takes from Kafka and stores, each with its run and job; and
how soon a trigger is answered, beside HTTP.

`python -m bench.kafka`. While triggers are stored no runner is up. Beside it, round by round in the
same run, the floor: the same records read by the same client and thrown away. Then a whole service
answers over Kafka and over HTTP in turns. The broker shares the machine's cores.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from uuid import uuid4

import click
import psycopg
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from bench import kafka_round_trip
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
from gatekeeper.settings import ROOT
from standalone.kafka import make_topic, running_broker
from standalone.kafka_libraries import libraries_home, resolve_libraries
from standalone.supervisor import Role, Supervisor

TABLE = "shop.orders"
PARTITIONS = 3
ROUNDS = 3
LIMIT_SECONDS = 900


@click.command()
@click.option("--triggers", default=30_000, show_default=True, help="Triggers in each round.")
@click.option("--turns", default=200, show_default=True, help="Answers to time, each way.")
def main(triggers: int, turns: int) -> None:
    """Let a consumer and a plain reader take the same records in turns; then ask both ways."""
    libraries = resolve_libraries(libraries_home())
    with (
        tempfile.TemporaryDirectory() as directory,
        running_broker(libraries, Path(directory)) as broker,
        time_limit(LIMIT_SECONDS),
    ):
        with open_arena() as arena:
            intake = measure_intake(arena, broker.bootstrap, triggers)
            print_figures(f"Rounds of {triggers} triggers from Kafka, one consumer", intake)
        with open_arena() as arena:
            answers = kafka_round_trip.measure(arena, broker.bootstrap, turns)
            print_figures("Trigger to answer: one rule, 100 rows in DuckDB", answers)
            save_figures("kafka.jsonl", arena, [*intake, *answers])


def measure_intake(arena: Arena, bootstrap: str, triggers: int) -> list[Figures]:
    """Give how fast triggers are stored, how fast they are read, and the ratio."""
    rule = {"name": "id_present", "type": "not_null", "parameters": {"column": "id"}}
    connection = {"host": "localhost", "database": "shop", "user": "nobody"}
    add_gate(arena, connection, TABLE, [rule])
    stored, read = [], []
    for number in range(ROUNDS):
        topic = f"triggers-{number}"
        make_topic(bootstrap, topic, PARTITIONS)
        produce(bootstrap, topic, triggers)
        stored.append(time_consumer(arena, bootstrap, topic, triggers))
        read.append(time_reader(bootstrap, topic, triggers))
    rates = [triggers * ROUNDS / sum(each) for each in (stored, read)]
    return [
        build_arm("consumed_and_stored", stored, per_second=round(rates[0], 1)),
        build_arm("read_and_thrown_away", read, per_second=round(rates[1], 1)),
        build_ratio("read per second / stored per second", rates[1], rates[0]),
    ]


def produce(bootstrap: str, topic: str, triggers: int) -> None:
    """Write the triggers, each with a request id of its own."""
    with closing(KafkaProducer(bootstrap_servers=bootstrap, linger_ms=20)) as producer:
        for at in range(triggers):
            body = {
                "table": TABLE,
                "request_id": uuid4().hex,
                "batch": {"column": "id", "from": at},
            }
            producer.send(topic, json.dumps(body).encode(), key=str(at).encode())
        producer.flush()


def time_consumer(arena: Arena, bootstrap: str, topic: str, triggers: int) -> float:
    """Give the seconds from the first request that is stored to the last."""
    with running_consumer(arena, bootstrap, topic), psycopg.connect(arena.place.store_url) as store:
        count = "select count(*), extract(epoch from max(queued_at) - min(queued_at)) from runs"
        of_topic = f"{count} join requests on requests.id = runs.request_id where topic = %s"
        while True:
            row = store.execute(of_topic, [topic]).fetchone()
            store.rollback()
            if row and row[0] >= triggers:
                break
            time.sleep(0.2)
        jobs = store.execute("select count(*) from runs where job_id is null").fetchone()
    if row[0] != triggers or jobs != (0,):
        raise BenchmarkFailed(f"of {triggers} triggers {row[0]} are stored; without a job: {jobs}")
    return float(row[1])


@contextmanager
def running_consumer(arena: Arena, bootstrap: str, topic: str) -> Iterator[None]:
    """Run one consumer of the topic; nothing takes its jobs, and nothing holds it back."""
    environment = {
        **os.environ,
        "STRINGX_DATABASE_URL": arena.place.store_url,
        "STRINGX_KAFKA_BOOTSTRAP": bootstrap,
        "STRINGX_KAFKA_TRIGGERS_TOPIC": topic,
        "STRINGX_KAFKA_MAX_QUEUE_DEPTH": "10000000",
    }
    command = [sys.executable, str(ROOT / "app.py"), "consumer"]
    supervisor = Supervisor([Role("consumer", command, arena.logs / f"{topic}.log")], environment)
    try:
        supervisor.start()
        yield
    finally:
        supervisor.stop(30)


def time_reader(bootstrap: str, topic: str, triggers: int) -> float:
    """Give the seconds that reading the same records takes, from the first to the last."""
    with closing(KafkaConsumer(bootstrap_servers=bootstrap, max_poll_records=500)) as reader:
        partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
        reader.assign(partitions)
        reader.seek_to_beginning(*partitions)
        seen, began = 0, 0.0
        while seen < triggers:
            seen += sum(map(len, reader.poll(timeout_ms=500).values()))
            began = began or time.monotonic()
    return time.monotonic() - began


if __name__ == "__main__":
    main()
