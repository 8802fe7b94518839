"""What a consumer tells Prometheus, of a real topic."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial

import pytest
import requests
from kafka import KafkaProducer, TopicPartition
from prometheus_client.parser import text_string_to_metric_families

from gatekeeper.domain.errors import InvalidConfiguration
from gatekeeper.kafka import consumer
from gatekeeper.kafka.client import build_config, build_producer
from gatekeeper.kafka.consumer import Parts, TriggerConsumer, build_client
from gatekeeper.kafka.dead_letters import DeadLetters
from gatekeeper.kafka.intake import Intake
from gatekeeper.kafka.metrics import Metrics
from gatekeeper.queue.depth import count_waiting
from gatekeeper.queue.jobs import Queue
from gatekeeper.settings import ROOT, KafkaSettings
from gatekeeper.store.engine import Store
from tests.integration.test_recovery import sql
from tests.integration.test_worker import eventually


@dataclass
class Scraped:
    """A consumer at work, its topic with two partitions, and where its metrics are."""

    kafka: str
    topic: str
    port: int

    def send(self, *values: bytes) -> None:
        with closing(KafkaProducer(bootstrap_servers=self.kafka)) as producer:
            for at, value in enumerate(values):
                producer.send(self.topic, value, partition=at % 2).get(timeout=30)

    def value(self, name: str, **labels: str) -> float | None:
        text = requests.get(f"http://127.0.0.1:{self.port}/metrics", timeout=5).text
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name == f"stringx_consumer_{name}" and sample.labels == labels:
                    return sample.value
        return None

    def lag(self, partition: int) -> float | None:
        return self.value("lag", topic=self.topic, partition=str(partition))


@pytest.fixture
def scraped(
    kafka: str,
    new_topic: Callable[..., str],
    gates: Store,
    queue: Queue,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Scraped]:
    monkeypatch.setattr(consumer, "LAG_SECONDS", 0.2)
    settings = KafkaSettings(
        bootstrap=kafka,
        triggers_topic=new_topic(partitions=2),
        dead_letters_topic=new_topic(),
        group=new_topic(),
    )
    metrics, stop = Metrics(), threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    metrics.serve("127.0.0.1", port)
    with (
        closing(build_producer(settings)) as producer,
        closing(build_client(build_config(settings), settings)) as client,
    ):
        parts = Parts(
            intake=Intake(gates, queue),
            queue_depth=partial(count_waiting, gates),
            dead_letters=DeadLetters(producer, settings.dead_letters_topic),
            max_queue_depth=3,
        )
        reader = TriggerConsumer(client, replace(parts, metrics=metrics))
        thread = threading.Thread(target=reader.run, args=(stop,))
        thread.start()
        yield Scraped(kafka, settings.triggers_topic, port)
        stop.set()
        thread.join()


def trigger(table: str = "shop.orders") -> bytes:
    return json.dumps({"table": table}).encode()


def test_what_a_consumer_did_can_be_scraped(scraped: Scraped, gates: Store) -> None:
    scraped.send(trigger(), trigger("shop.gone"), trigger(), b"not json", trigger("shop.gone"))
    eventually(lambda: scraped.value("records_taken_total") == 2)
    eventually(lambda: scraped.value("records_refused_total", reason="UnknownGate") == 2)
    assert scraped.value("records_refused_total", reason="InvalidRequest") == 1
    assert scraped.value("record_to_stored_seconds_count") == 2
    assert 0 < (scraped.value("record_to_stored_seconds_sum") or 0) < 60
    eventually(lambda: scraped.lag(0) == 0)
    eventually(lambda: scraped.lag(1) == 0)
    assert scraped.value("paused_seconds_total") == 0


def test_while_it_holds_back_the_lag_grows_and_the_seconds_count(
    scraped: Scraped, gates: Store
) -> None:
    scraped.send(*[trigger()] * 4)
    eventually(lambda: (scraped.value("paused_seconds_total") or 0) > 0)
    scraped.send(*[trigger()] * 6)
    eventually(lambda: scraped.lag(0) == 3)
    eventually(lambda: scraped.lag(1) == 3)
    assert scraped.value("records_taken_total") == 4
    sql(gates, "update procrastinate_jobs set status = 'succeeded'")
    eventually(lambda: scraped.value("records_taken_total") == 10)


def test_only_partitions_that_are_its_own_have_a_lag_here() -> None:
    metrics, first, second = Metrics(), TopicPartition("t", 0), TopicPartition("t", 1)
    other_topics = TopicPartition("changes", 1)
    for lag in ({first: 5, second: 6}, {second: 7, other_topics: 8}):
        metrics.note_lag(lag)
    told = [sample for family in metrics._registry.collect() for sample in family.samples]
    found = [(each.labels, each.value) for each in told if each.name == "stringx_consumer_lag"]
    assert found == [
        ({"topic": "t", "partition": "1"}, 7),
        ({"topic": "changes", "partition": "1"}, 8),
    ]


def test_the_page_names_every_metric_and_no_other() -> None:
    page = (ROOT / "docs" / "how-to" / "watch-a-consumer.md").read_text("utf-8")
    suffix = {"counter": "_total"}
    there = {family.name + suffix.get(family.type, "") for family in Metrics()._registry.collect()}
    assert set(re.findall(r"^\| `(stringx_\w+)", page, re.MULTILINE)) == there


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InvalidConfiguration, match="STRINGX_KAFKA_METRICS_PORT"):
            Metrics().serve("127.0.0.1", port)
