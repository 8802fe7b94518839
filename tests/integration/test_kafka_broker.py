"""The broker is a real one: it keeps records, also over a stop."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from gatekeeper.settings import ROOT
from standalone.kafka import BrokerFailed, KafkaBroker, make_topic, running_broker
from standalone.kafka_libraries import KafkaUnavailable, resolve_libraries

STARTS_ONE = """
import sys
from pathlib import Path
from standalone.kafka import running_broker

with running_broker(Path(sys.argv[1]), Path(sys.argv[2])):
    print("runs", flush=True)
    sys.stdin.read()
"""


def produce(bootstrap: str, topic: str, values: list[bytes]) -> None:
    producer = KafkaProducer(bootstrap_servers=bootstrap)
    sent = [producer.send(topic, value, partition=i % 3) for i, value in enumerate(values)]
    assert [each.get(10).topic for each in sent] == [topic] * len(values)
    producer.close()


def consume(bootstrap: str, topic: str) -> set[bytes]:
    """Every value of the topic's three partitions."""
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, consumer_timeout_ms=10_000)
    partitions = [TopicPartition(topic, number) for number in range(3)]
    ends = sum(consumer.end_offsets(partitions).values())
    consumer.assign(partitions)
    consumer.seek_to_beginning(*partitions)
    found = {next(consumer).value for _ in range(ends)}
    consumer.close()
    return found


def test_what_is_produced_is_consumed(kafka: str, new_topic: Callable[..., str]) -> None:
    topic = new_topic(partitions=3)
    produce(kafka, topic, [b"a", b"b", b"c", b"d"])
    assert consume(kafka, topic) == {b"a", b"b", b"c", b"d"}


def test_a_topic_has_a_name_of_its_own(new_topic: Callable[..., str]) -> None:
    assert new_topic() != new_topic()


def test_records_outlast_a_stop_of_the_broker(own_broker: KafkaBroker) -> None:
    before = own_broker.bootstrap
    make_topic(before, "kept", partitions=3)
    produce(before, "kept", [b"a", b"b", b"c"])
    own_broker.stop()
    host, _, port = before.partition(":")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)))
    own_broker.start()
    assert own_broker.bootstrap == before
    produce(before, "kept", [b"d"])
    assert consume(before, "kept") == {b"a", b"b", b"c", b"d"}


def test_a_broker_that_cannot_start_says_why(
    own_broker: KafkaBroker, kafka_libraries: Path
) -> None:
    directory = own_broker.log.parent / "second"
    directory.mkdir()
    port = int(own_broker.bootstrap.partition(":")[2])
    with (
        pytest.raises(BrokerFailed, match="Address already in use"),
        running_broker(kafka_libraries, directory, port),
    ):
        pass


def test_a_broker_ends_with_whoever_started_it(kafka_libraries: Path, tmp_path: Path) -> None:
    if shutil.which("setpriv") is None:
        pytest.skip("setpriv, by which the kernel is asked for that, isn't installed")
    command = [sys.executable, "-c", STARTS_ONE, str(kafka_libraries), str(tmp_path)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as starter:
        assert starter.stdout
        assert starter.stdout.readline() == b"runs\n"
        [broker] = psutil.Process(starter.pid).children()
        assert "kafka.Kafka" in broker.cmdline()
        starter.kill()
    broker.wait(timeout=10)


def test_a_developers_broker_runs_until_ctrl_c(kafka_libraries: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "standalone.kafka"]
    environment = {
        **os.environ,
        "STRINGX_KAFKA_HOME": str(kafka_libraries.parent),
        "TMPDIR": str(tmp_path),
    }
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stdout
        said = process.stdout.readline().decode()
        assert "with the topics stringx.triggers, stringx.results, stringx.triggers.dlq" in said
        bootstrap = said.split(" answers on ")[1].partition(",")[0]
        produce(bootstrap, "stringx.triggers", [b"a", b"b", b"c"])
        assert consume(bootstrap, "stringx.triggers") == {b"a", b"b", b"c"}
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(30) == 0
    assert list(tmp_path.iterdir()) == []


def programs(directory: Path, **scripts: str) -> str:
    """A PATH on which there are these shell scripts, and nothing else."""
    directory.mkdir()
    for name, script in scripts.items():
        program = directory / name
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
    return str(directory)


JAVA_17 = "echo 'openjdk version \"17.0.1\"' >&2"


@pytest.mark.parametrize(
    ("scripts", "missing"),
    [
        ({}, "Java isn't installed"),
        ({"java": "echo 'openjdk version \"11.0.2\"' >&2"}, "Java 17 or later is needed"),
        ({"java": JAVA_17}, r"Maven \(mvn\)"),
        ({"java": JAVA_17, "mvn": "echo no such jar; exit 1"}, "no such jar"),
    ],
    ids=["no Java", "an old Java", "no Maven", "Maven fails"],
)
def test_what_is_missing_is_named(
    scripts: dict[str, str], missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", programs(tmp_path / "bin", **scripts))
    with pytest.raises(KafkaUnavailable, match=missing):
        resolve_libraries(tmp_path / "home")


def test_jars_are_resolved_once_and_only_when_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    fills = """
        for each; do case $each in -DoutputDirectory=*) folder=${each#*=} ;; esac; done
        mkdir "$folder" && touch "$folder/a.jar"
    """
    path = os.environ["PATH"]
    broken = programs(tmp_path / "broken", java=JAVA_17, mvn=f"{fills}exit 1")
    whole = programs(tmp_path / "whole", java=JAVA_17, mvn=fills)
    none = programs(tmp_path / "none", java=JAVA_17)

    monkeypatch.setenv("PATH", f"{broken}:{path}")
    with pytest.raises(KafkaUnavailable):
        resolve_libraries(home)
    assert list(home.iterdir()) == []

    monkeypatch.setenv("PATH", f"{whole}:{path}")
    libraries = resolve_libraries(home)
    assert [jar.name for jar in libraries.iterdir()] == ["a.jar"]

    monkeypatch.setenv("PATH", none)
    assert resolve_libraries(home) == libraries
