"""Gates that are asked over Kafka: the real service, the real broker, the client of other teams."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from gatekeeper.settings import ROOT
from tests.e2e.conftest import shop_service
from tests.e2e.service import Service, free_port, wait_until

CLIENT = str(ROOT / "sending_kafka_messages.py")


@pytest.fixture(scope="module")
def topics(new_topic: Callable[..., str]) -> dict[str, str]:
    return {name: new_topic(3) for name in ("triggers", "results", "dead_letters")}


@pytest.fixture(scope="module")
def service(kafka: str, topics: dict[str, str]) -> Iterator[Service]:
    named = {f"STRINGX_KAFKA_{name.upper()}_TOPIC": topic for name, topic in topics.items()}
    named["STRINGX_KAFKA_METRICS_PORT"] = str(free_port())
    with shop_service(STRINGX_KAFKA_BOOTSTRAP=kafka, **named) as service:
        yield service


@pytest.fixture
def ask(kafka: str, topics: dict[str, str], service: Service) -> Callable[..., tuple[int, str]]:
    def ask(*arguments: str, lines: str = "") -> tuple[int, str]:
        assert service.process.runs
        named = {"topic": "triggers", "results-topic": "results", "dlq-topic": "dead_letters"}
        options = [f"--{option}={topics[name]}" for option, name in named.items()]
        done = subprocess.run(
            [sys.executable, CLIENT, f"--bootstrap={kafka}", *options, *arguments],
            input=lines,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    return ask


def read_all(kafka: str, topic: str) -> list[Any]:
    with closing(KafkaConsumer(bootstrap_servers=kafka, auto_offset_reset="earliest")) as reader:
        partitions = [TopicPartition(topic, number) for number in range(3)]
        reader.assign(partitions)
        ends = reader.end_offsets(partitions)
        records: list[Any] = []
        while any(reader.position(each) < ends[each] for each in partitions):
            records += [record for of in reader.poll(timeout_ms=200).values() for record in of]
        return records


def test_a_trigger_is_answered_with_its_verdict(
    ask: Callable[..., tuple[int, str]], kafka: str, topics: dict[str, str], service: Service
) -> None:
    status, said = ask("--table=shop.orders", "--correlation-id=c-1", "--request-id=first")
    assert status == 1, said
    (result,) = [
        each
        for each in read_all(kafka, topics["results"])
        if json.loads(each.value)["request_id"] == "first"
    ]
    body = json.loads(result.value)
    assert (result.key, body["verdict"], body["open"]) == (b"shop.orders", "fail", False)
    assert body["counts"]["outcomes"] == {"warn": 1, "fail": 1}
    headers = dict(result.headers)
    assert (headers["verdict"], headers["open"]) == (b"fail", b"false")
    assert headers["correlation_id"] == b"c-1"
    run = service.get(f"/runs/{body['run_id']}")
    assert (run["trigger"], run["verdict"]) == ("kafka", "fail")
    assert body["message_id"] == headers["message_id"].decode()


def test_the_consumer_says_what_it_took(
    ask: Callable[..., tuple[int, str]], service: Service
) -> None:
    ask("--table=shop.orders", "--wait=60")
    port = service.home.settings["STRINGX_KAFKA_METRICS_PORT"]
    told = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=10).text
    (taken,) = re.findall(r"^stringx_consumer_records_taken_total (\S+)$", told, re.MULTILINE)
    assert float(taken) >= 1


def test_the_same_request_again_is_one_run(
    ask: Callable[..., tuple[int, str]], service: Service
) -> None:
    triggers = [{"table": "shop.tried", "request_id": "twice"}] * 2
    ask("--file=-", "--wait=0", lines="\n".join(map(json.dumps, triggers)))
    ask("--table=shop.tried", "--request-id=other", "--wait=60")
    wait_until(
        "both runs are finished",
        lambda: len(service.get("/runs?table=shop.tried&state=finished")["items"]) == 2,
    )
    assert len(service.get("/runs?table=shop.tried")["items"]) == 2


def test_what_can_not_be_taken_is_put_aside_as_it_is(
    ask: Callable[..., tuple[int, str]], kafka: str, topics: dict[str, str]
) -> None:
    poison = [
        (b"not json", "not JSON"),
        (b'{"table": "shop.gone"}', "no gate is called 'shop.gone'"),
        (b'{"table": "shop.orders", "batch": 1}', "must be an object"),
        (b'{"table": "shop.orders", "more": 1}', "no such field"),
    ]
    with closing(KafkaProducer(bootstrap_servers=kafka)) as producer:
        for value, _ in poison:
            producer.send(topics["triggers"], value, key=b"k", headers=[("mine", b"1")])
    status, said = ask("--table=shop.gone", "--request-id=lost", "--wait=60")
    assert status == 3, said
    assert "no gate is called" in said
    letters = {letter.value: letter for letter in read_all(kafka, topics["dead_letters"])}
    for value, reason in poison:
        headers = dict(letters[value].headers)
        assert reason in headers["stringx_reason"].decode()
        assert headers["stringx_topic"].decode() == topics["triggers"]
        assert (headers["mine"], letters[value].key) == (b"1", b"k")
        assert int(headers["stringx_offset"]) >= 0


def test_dead_letters_are_listed_and_put_back_once_their_cause_is_mended(
    ask: Callable[..., tuple[int, str]],
    service: Service,
    kafka: str,
    topics: dict[str, str],
    tmp_path: Path,
) -> None:
    service.home.run("dlq", "replay")
    assert ask("--table=shop.later", "--request-id=early")[0] == 3
    status, said = service.home.run("dlq", "list")
    lines = [line for line in said.splitlines() if "shop.later" in line]
    assert (status, len(lines)) == (0, 1), said
    assert "no gate is called 'shop.later'" in lines[0]
    rules = "[{name: r, type: row_count_between, parameters: {min: 1}}]"
    gate = f"gates: [{{warehouse: shop, table: shop.later, rules: {rules}}}]"
    (tmp_path / "later.yml").write_text(gate)
    assert service.home.run("apply", str(tmp_path / "later.yml"))[0] == 0
    status, said = service.home.run("dlq", "replay")
    assert status == 0, said

    def answered() -> bool:
        results = read_all(kafka, topics["results"])
        return any(json.loads(each.value)["request_id"] == "early" for each in results)

    wait_until("the letter that was put back is answered", answered)
    assert "shop.later" not in service.home.run("dlq", "list")[1]


def test_a_run_asked_over_http_is_told_on_kafka_too(
    service: Service, kafka: str, topics: dict[str, str]
) -> None:
    run = service.judge("shop.orders")

    def told() -> bool:
        return any(
            json.loads(each.value)["run_id"] == run["id"]
            for each in read_all(kafka, topics["results"])
        )

    wait_until("the result is on its topic", told)


def test_a_gate_that_is_off_lets_nobody_wait(
    ask: Callable[..., tuple[int, str]],
    service: Service,
    kafka: str,
    topics: dict[str, str],
    tmp_path: Path,
) -> None:
    rules = "[{name: r, type: row_count_between, parameters: {min: 1}}]"
    gate = f"gates: [{{warehouse: shop, table: shop.resting, mode: 'off', rules: {rules}}}]"
    (tmp_path / "resting.yml").write_text(gate)
    assert service.home.run("apply", str(tmp_path / "resting.yml"))[0] == 0
    status, said = ask("--table=shop.resting", "--request-id=resting", "--wait=60")
    assert status == 3, said
    assert "the gate is off, so nothing was judged" in said
    (result,) = [each for each in read_all(kafka, topics["results"]) if each.key == b"shop.resting"]
    content, headers = json.loads(result.value), dict(result.headers)
    assert [content[name] for name in ("state", "verdict", "open")] == ["cancelled", None, None]
    assert headers["state"] == b"cancelled"
    assert not {"verdict", "open"} & headers.keys()


def test_a_part_of_the_rules_is_told_as_one(
    ask: Callable[..., tuple[int, str]], kafka: str, topics: dict[str, str]
) -> None:
    part = {"table": "shop.orders", "rules": ["customer_present"], "request_id": "a-part"}
    status, said = ask("--file=-", "--wait=60", lines=json.dumps(part))
    assert status == 2, said
    assert "judged by 1 of the gate's rules alone" in said
    (result,) = [
        each
        for each in read_all(kafka, topics["results"])
        if dict(each.headers)["request_id"] == b"a-part"
    ]
    headers = dict(result.headers)
    assert headers["partial"] == b"true"
    assert not {"verdict", "open"} & headers.keys()
