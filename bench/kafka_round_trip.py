"""How long from a trigger to its answer, over Kafka and over HTTP in turns, by the same service.

Over Kafka: from the record's sending to the result's message. Over HTTP: a POST that waits.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any
from uuid import uuid4

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from bench.arena import Arena, BenchmarkFailed, Figures, add_gate, build_arm, build_ratio
from bench.kafka_traffic import RULES, TABLE, make_warehouse
from console.client import Client
from gatekeeper.settings import KafkaSettings
from standalone.kafka import make_topic
from standalone.service import BOOTSTRAP, running_service, wait_until_ready

WARM_UP_TURNS = 20
WAIT_SECONDS = 30
VERDICT = "fail"


def measure(arena: Arena, bootstrap: str, turns: int) -> list[Figures]:
    """Ask that many times each way; gives the figures of both and their ratio."""
    kafka = KafkaSettings(bootstrap=bootstrap)
    for topic in (kafka.triggers_topic, kafka.results_topic, kafka.dead_letters_topic):
        make_topic(bootstrap, topic, 1)
    connection = make_warehouse(arena.settings.data_dir / "orders.duckdb")
    add_gate(arena, connection, TABLE, RULES, adapter="duckdb")
    over_kafka, over_http = [], []
    client = Client(arena.url)
    with (
        running_service(arena.settings, arena.place, {BOOTSTRAP: bootstrap}, arena.logs),
        open_asker(kafka) as asker,
    ):
        wait_until_ready(arena.url)
        for _ in range(WARM_UP_TURNS + turns):
            over_kafka.append(asker.ask())
            started = time.perf_counter()
            _check(client.trigger(TABLE, wait_seconds=WAIT_SECONDS))
            over_http.append(time.perf_counter() - started)
    kafka_arm = build_arm("record_to_result", over_kafka[WARM_UP_TURNS:])
    http_arm = build_arm("post_to_answer", over_http[WARM_UP_TURNS:])
    ratio = build_ratio(
        "p50 of record_to_result / p50 of post_to_answer",
        kafka_arm["p50_seconds"],
        http_arm["p50_seconds"],
    )
    return [kafka_arm, http_arm, ratio]


class Asker:
    """Asks over Kafka, with a producer and a reader that are there before."""

    def __init__(
        self, kafka: KafkaSettings, producer: KafkaProducer, reader: KafkaConsumer
    ) -> None:
        self._topic = kafka.triggers_topic
        self._producer = producer
        self._reader = reader

    def ask(self) -> float:
        """Send a trigger and wait for its result; gives the seconds between."""
        request_id = uuid4().hex
        started = time.perf_counter()
        trigger = {"table": TABLE, "request_id": request_id}
        self._producer.send(self._topic, json.dumps(trigger).encode())
        while time.perf_counter() < started + WAIT_SECONDS:
            for records in self._reader.poll(timeout_ms=500).values():
                for result in (json.loads(record.value) for record in records):
                    if result["request_id"] == request_id:
                        seconds = time.perf_counter() - started
                        _check(result)
                        return seconds
        raise BenchmarkFailed(f"no result of {request_id} within {WAIT_SECONDS} s")


@contextmanager
def open_asker(kafka: KafkaSettings) -> Iterator[Asker]:
    """Connect to the brokers; the reader begins at what comes next."""
    with (
        closing(KafkaProducer(bootstrap_servers=kafka.bootstrap)) as producer,
        closing(
            KafkaConsumer(bootstrap_servers=kafka.bootstrap, enable_auto_commit=False)
        ) as reader,
    ):
        partition = TopicPartition(kafka.results_topic, 0)
        reader.assign([partition])
        reader.seek_to_end(partition)
        reader.position(partition)
        yield Asker(kafka, producer, reader)


def _check(run: dict[str, Any]) -> None:
    if run["verdict"] != VERDICT:
        raise BenchmarkFailed(f"the verdict is {run['verdict']}, not {VERDICT}: {run['message']}")
