"""Nothing that was asked over Kafka is lost or judged twice, whatever ends in between."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psutil
import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from standalone.kafka import KafkaBroker, make_topic
from tests.e2e.conftest import shop_service
from tests.e2e.service import Service, wait_until
from tests.e2e.test_kafka import read_all

TRIGGERS, RESULTS, DEAD_LETTERS = "stringx.triggers", "stringx.results", "stringx.triggers.dlq"
VALID = 120
POISON = [b"\xff\xfe", b"{", b'{"table": "shop.gone"}', b'{"table": "shop.orders", "batch": 1}']


@pytest.fixture
def service(own_broker: KafkaBroker) -> Iterator[Service]:
    for topic in (TRIGGERS, RESULTS, DEAD_LETTERS):
        make_topic(own_broker.bootstrap, topic, 3)
    with shop_service(STRINGX_KAFKA_BOOTSTRAP=own_broker.bootstrap) as service:
        yield service


def produce(bootstrap: str, values: list[bytes]) -> None:
    with closing(KafkaProducer(bootstrap_servers=bootstrap)) as producer:
        sent = [
            producer.send(TRIGGERS, value, key=str(at).encode()) for at, value in enumerate(values)
        ]
        for each in sent:
            each.get(timeout=30)


def build_triggers() -> list[bytes]:
    """Every tenth is sent twice."""
    triggers = [
        {
            "request_id": f"r{at}",
            "table": "shop.orders",
            "batch": {"column": "id", "values": [at]},
        }
        for at in range(VALID)
    ]
    return [json.dumps(each).encode() for each in [*triggers, *triggers[::10]]]


def kill(service: Service, name: str) -> None:
    killed = service.role(name)
    killed.kill()

    def replaced() -> bool:
        try:
            return service.role(name).pid != killed.pid
        except (StopIteration, psutil.Error):
            return False

    wait_until(f"the {name} is started again", replaced)


def kill_the_store(service: Service) -> None:
    pid = (service.home.socket / "postmaster.pid").read_text().partition("\n")[0]
    psutil.Process(int(pid)).kill()
    wait_until("the store is back", lambda: service.home.probe("readyz") == 200, seconds=60)


def uncommitted(bootstrap: str) -> int:
    with closing(KafkaConsumer(bootstrap_servers=bootstrap, group_id="stringx")) as reader:
        partitions = [TopicPartition(TRIGGERS, number) for number in range(3)]
        ends = reader.end_offsets(partitions)
        return sum(ends[each] - (reader.committed(each) or 0) for each in partitions)


@pytest.mark.timeout(420)
def test_every_trigger_is_answered_once(service: Service, own_broker: KafkaBroker) -> None:
    triggers = build_triggers()
    produce(own_broker.bootstrap, [*triggers[:60], *POISON[:2]])
    for name in ("consumer", "runner", "worker", "consumer"):
        kill(service, name)
        time.sleep(1)
    produce(own_broker.bootstrap, [*triggers[60:], *POISON[2:]])
    own_broker.stop()
    time.sleep(5)
    own_broker.start()
    kill_the_store(service)
    kill(service, "worker")

    def results() -> dict[str, list[Any]]:
        by_request = defaultdict(list)
        for record in read_all(own_broker.bootstrap, RESULTS):
            body = json.loads(record.value)
            by_request[body["request_id"]].append(body)
        return by_request

    wait_until("every trigger is answered", lambda: len(results()) == VALID, seconds=240)
    wait_until("every offset is committed", lambda: not uncommitted(own_broker.bootstrap))
    for answers in results().values():
        assert len({(each["run_id"], each["message_id"], each["verdict"]) for each in answers}) == 1
    letters = {letter.value for letter in read_all(own_broker.bootstrap, DEAD_LETTERS)}
    assert letters == set(POISON)
    states = [run["state"] for run in service.get("/runs?table=shop.orders&limit=500")["items"]]
    assert states == ["finished"] * VALID
