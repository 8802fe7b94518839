"""Consumers that come and go while records flow: each record is taken once, and none is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Self

import psycopg
import pytest
from kafka import KafkaProducer
from kafka.errors import KafkaError

from bench.kafka_outcome import Topics
from gatekeeper.configuration.apply import apply_configuration
from gatekeeper.domain.rule import RuleType
from gatekeeper.settings import ROOT
from gatekeeper.store.engine import Store
from standalone.kafka import open_admin
from tests.e2e.conftest import HERE
from tests.e2e.service import wait_until

PARTITIONS = 6
PAUSE_SECONDS = 0.01
# Brokers miss a killed member for 45 s; then the others are given what it had.
MISSED_SECONDS = 120
STOP_SECONDS = 30


class Stream:
    """Triggers that flow for as long as the context lasts; each is a request of its own."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        self.sent: list[Any] = []
        self._producer = KafkaProducer(bootstrap_servers=bootstrap)
        self._topic = topic
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._flow)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()
        with closing(self._producer):
            places = {(sent.get(30).partition, sent.get(30).offset) for sent in self.sent}
        assert len(places) == len(self.sent)

    def _flow(self) -> None:
        trigger = json.dumps({"table": "shop.orders"}).encode()
        while not self._stopping.wait(PAUSE_SECONDS):
            partition = len(self.sent) % PARTITIONS
            self.sent.append(self._producer.send(self._topic, trigger, partition=partition))


class Group:
    """The consumers of a group, as processes of their own."""

    def __init__(self, topics: Topics, store: Store, logs: Path) -> None:
        self._topics = topics
        self._logs = logs
        self._running: list[subprocess.Popen[bytes]] = []
        self._environment = {
            **os.environ,
            "STRINGX_DATABASE_URL": store.conninfo,
            "STRINGX_KAFKA_BOOTSTRAP": topics.bootstrap,
            "STRINGX_KAFKA_TRIGGERS_TOPIC": topics.triggers,
            "STRINGX_KAFKA_RESULTS_TOPIC": topics.results,
            "STRINGX_KAFKA_DEAD_LETTERS_TOPIC": topics.dead_letters,
            "STRINGX_KAFKA_GROUP": topics.group,
        }

    def join(self) -> subprocess.Popen[bytes]:
        """Start a consumer; it is left to the caller how long the group takes to let it in."""
        number = len(list(self._logs.iterdir()))
        with (self._logs / f"consumer-{number}.log").open("wb") as log:
            consumer = subprocess.Popen(
                [sys.executable, "app.py", "consumer"],
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._running.append(consumer)
        return consumer

    def wait_until_shared_by(self, members: int) -> None:
        """Wait until so many members have the partitions between them."""

        def shares() -> list[int]:
            with suppress(KafkaError), open_admin(self._topics.bootstrap) as admin:
                group = admin.describe_groups([self._topics.group])[self._topics.group]
                # While it shares anew, nobody has anything assigned.
                if group["group_state"] == "Stable":
                    return [count_partitions(member) for member in group["members"]]
            return []

        wait_until(
            f"{members} consumers share the topic",
            lambda: shares() == [PARTITIONS // members] * members,
            seconds=MISSED_SECONDS,
        )

    def leave(self, consumer: subprocess.Popen[bytes]) -> None:
        """Ask a consumer to end as `docker stop` would, and see that it does."""
        consumer.send_signal(signal.SIGTERM)
        assert consumer.wait(STOP_SECONDS) == 0

    def end(self) -> None:
        for consumer in self._running:
            consumer.kill()
            consumer.wait()


def count_partitions(member: dict[str, Any]) -> int:
    assigned = member["member_assignment"]["assigned_partitions"]
    return sum(len(topic["partitions"]) for topic in assigned)


@pytest.fixture
def topics(kafka: str, new_topic: Callable[..., str]) -> Topics:
    triggers, results, dead_letters = new_topic(PARTITIONS), new_topic(), new_topic()
    return Topics(kafka, triggers, results, dead_letters, group=f"of-{triggers}")


@pytest.fixture
def group(
    topics: Topics, store: Store, rule_types: dict[str, RuleType], tmp_path: Path
) -> Iterator[Group]:
    apply_configuration(store, rule_types, (HERE / "shop.yml").read_text())
    group = Group(topics, store, tmp_path)
    yield group
    group.end()


@pytest.mark.timeout(400)
def test_each_record_is_taken_once_whoever_comes_and_goes(
    group: Group, topics: Topics, store: Store
) -> None:
    with Stream(topics.bootstrap, topics.triggers) as stream:
        staying = group.join()
        group.wait_until_shared_by(1)
        leaving = group.join()
        group.wait_until_shared_by(2)
        killed = group.join()
        group.wait_until_shared_by(3)
        group.leave(leaving)
        group.wait_until_shared_by(2)
        killed.kill()
        group.join()
        group.wait_until_shared_by(2)
    wait_until(
        "every offset is committed", lambda: topics.count() == (len(stream.sent),) * 2, seconds=60
    )
    taken = 'select partition, "offset", count(*) from requests group by 1, 2'
    with psycopg.connect(store.conninfo) as session:
        found = session.execute(taken).fetchall()
    sent = {(each.get().partition, each.get().offset, 1) for each in stream.sent}
    assert sorted(found) == sorted(sent)
    assert topics.read(topics.dead_letters) == []
    group.leave(staying)
