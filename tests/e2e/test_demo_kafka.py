"""The demo over Kafka: a trigger goes in on one topic, its result comes back on another."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.flights import VERDICTS, read_verdicts
from tests.e2e.service import Home

SENT = re.compile(r"^sent (\S+) flights.planes to (\S+), partition \d, offset 0$", re.MULTILINE)


@pytest.fixture
def home(make_home: Callable[..., Home]) -> Home:
    return make_home()


def assert_answered(printed: str, topic: str) -> None:
    assert read_verdicts(printed) == VERDICTS
    sent = SENT.search(printed)
    assert sent is not None, printed
    assert sent[2] == topic
    assert re.search(rf"^{sent[1]} +flights.planes +warn +open +7/7 ", printed, re.MULTILINE)
    assert "1 asked: 1 warn" in printed


def test_the_demo_brings_its_own_broker(home: Home, kafka_libraries: Path) -> None:
    status, printed = home.run("demo", "--kafka", STRINGX_KAFKA_HOME=str(kafka_libraries.parent))
    assert status == 0, printed
    assert_answered(printed, "stringx.triggers")
    home.wait_until_empty()


def test_the_demo_asks_over_brokers_that_are_there(
    home: Home, kafka: str, new_topic: Callable[..., str]
) -> None:
    topics = {name: new_topic() for name in ("TRIGGERS", "RESULTS", "DEAD_LETTERS")}
    named = {f"STRINGX_KAFKA_{name}_TOPIC": topic for name, topic in topics.items()}
    status, printed = home.run(
        "demo", "--kafka", STRINGX_KAFKA_BOOTSTRAP=kafka, **named, STRINGX_KAFKA_GROUP="demo"
    )
    assert status == 0, printed
    assert_answered(printed, topics["TRIGGERS"])


def test_without_java_it_is_said_what_is_missing(home: Home) -> None:
    status, printed = home.run("demo", "--kafka", PATH="/nowhere")
    assert status == 3
    (told,) = [line for line in printed.splitlines() if line.startswith("stringx: ")]
    assert "no Kafka broker can be had here: Java isn't installed" in told
    assert "STRINGX_KAFKA_BOOTSTRAP may name one that is there" in told
    home.wait_until_empty()
