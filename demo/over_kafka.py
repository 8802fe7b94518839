"""Asking a gate over Kafka: a broker for the while, and the client that other teams copy."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from console.exit_codes import ExitCode
from demo.warehouse import DemoFailed
from gatekeeper.settings import ROOT, KafkaSettings, load_kafka_settings
from standalone.kafka import TOPIC_PARTITIONS, make_topic, running_broker
from standalone.kafka_libraries import KafkaUnavailable, libraries_home, resolve_libraries

CLIENT = ROOT / "sending_kafka_messages.py"
TABLE = "flights.planes"
WAIT_SECONDS = 60


@contextmanager
def reachable_brokers() -> Iterator[KafkaSettings]:
    """Give the settings by which brokers are reached: those that are set, else a broker of our own
    for the while. Raises DemoFailed where there can be none.
    """
    kafka = load_kafka_settings()
    if kafka.bootstrap is not None:
        yield kafka
        return
    try:
        libraries = resolve_libraries(libraries_home())
    except KafkaUnavailable as error:
        raise DemoFailed(f"{error}; STRINGX_KAFKA_BOOTSTRAP may name one that is there") from error
    with (
        tempfile.TemporaryDirectory(prefix="stringx-kafka-") as directory,
        running_broker(libraries, Path(directory)) as broker,
    ):
        for topic in (kafka.triggers_topic, kafka.results_topic, kafka.dead_letters_topic):
            make_topic(broker.bootstrap, topic, TOPIC_PARTITIONS)
        yield kafka.model_copy(update={"bootstrap": broker.bootstrap})


def ask(kafka: KafkaSettings) -> str:
    """Send a trigger, and wait for the result; gives what the client said of both. Raises
    DemoFailed where no verdict came.
    """
    asked = subprocess.run(
        [sys.executable, str(CLIENT), *build_arguments(kafka)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if asked.returncode == ExitCode.ERROR:
        raise DemoFailed(f"no verdict over Kafka: {asked.stdout}{asked.stderr}".strip())
    return asked.stdout.strip()


def build_arguments(kafka: KafkaSettings) -> list[str]:
    """Give the client's arguments for the demo's trigger, by the same settings as StringX's own."""
    sasl = kafka.security_protocol.startswith("SASL")
    given = {
        "table": TABLE,
        "wait": WAIT_SECONDS,
        "bootstrap": kafka.bootstrap,
        "topic": kafka.triggers_topic,
        "results-topic": kafka.results_topic,
        "dlq-topic": kafka.dead_letters_topic,
        "security-protocol": kafka.security_protocol,
        "sasl-mechanism": kafka.sasl_mechanism if sasl else None,
        "username": kafka.sasl_username,
        "password-file": kafka.sasl_secret_file,
        "cafile": kafka.ssl_cafile,
        "certfile": kafka.ssl_certfile,
        "keyfile": kafka.ssl_keyfile,
    }
    return [f"--{option}={value}" for option, value in given.items() if value is not None]
