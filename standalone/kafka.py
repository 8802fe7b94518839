"""A Kafka broker for development and tests: one KRaft node on loopback, which trusts whoever comes
to its plain listener. Others, which ask who one is, can be given beside it.

A real one: Apache Kafka's own jars in a JVM. It is formatted in 0.9 s, answers 2.8 s later, takes
240 MB when it has nothing to do (384 MB of heap at most), and stops in 0.4 s: on 2 idle cores, with
Java 17. On busy ones it took twice to four times as long.
"""

from __future__ import annotations

import base64
import random
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import click
from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from gatekeeper.domain.errors import GatekeeperError
from standalone.kafka_libraries import (
    KafkaUnavailable,
    kafka_version,
    libraries_home,
    resolve_libraries,
)
from standalone.signals import Interrupted, end_on_signals
from standalone.supervisor import END_WITH_US

LOOPBACK = "127.0.0.1"
# Below the ports that the system gives to clients: one that tries to reach a stopped broker could
# be given the broker's own port, and meet itself there.
PORTS = range(20_000, 32_000)
USUAL_PORT = 9092
READY_SECONDS = 60
STOP_SECONDS = 20
LOOK_SECONDS = 0.1
TOLD_LINES = 20
JAVA = ("java", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
LOGGING = (
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSZ",
)
TOPICS = ("stringx.triggers", "stringx.results", "stringx.triggers.dlq")
TOPIC_PARTITIONS = 3

# One node keeps every internal topic by itself; the cleaner's buffer is 128 MB unless one says so.
PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller}
listeners={listeners},CONTROLLER://{host}:{controller}
advertised.listeners={listeners}
controller.listener.names=CONTROLLER
listener.security.protocol.map={protocols},CONTROLLER:PLAINTEXT
log.dirs={data}
log.cleaner.dedupe.buffer.size=4194304
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
"""


class BrokerFailed(GatekeeperError):
    """The broker doesn't run; the message ends with what it said last."""


@dataclass(frozen=True)
class Listener:
    """A way in beside the plain one: its security protocol, and the broker's settings that hold for
    it alone, by their names without `listener.name.…`.
    """

    protocol: str
    settings: Mapping[str, str]


class KafkaBroker:
    """One broker with its ports and its records, which outlast a stop."""

    def __init__(
        self,
        libraries: Path,
        directory: Path,
        port: int | None = None,
        listeners: Mapping[str, Listener] | None = None,
        scram_users: Sequence[str] = (),
    ) -> None:
        """`libraries` holds the jars, `directory` is for this broker alone. `scram_users` are as
        the storage tool takes them: SCRAM-SHA-256=[name=…,password=…].
        """
        self._libraries = libraries
        self.listeners = {"PLAINTEXT": Listener("PLAINTEXT", {}), **(listeners or {})}
        self._scram_users = scram_users
        self._properties = directory / "server.properties"
        self._data = directory / "data"
        self.log = directory / "kafka.log"
        self._port, self._controller = port or _free_port(), _free_port()
        self._ports = {name: _free_port() for name in self.listeners} | {"PLAINTEXT": self._port}
        self._cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        """The address for clients, as host:port."""
        return self.address_of("PLAINTEXT")

    def address_of(self, listener: str) -> str:
        """The address of one of its listeners, as host:port."""
        return f"{LOOPBACK}:{self._ports[listener]}"

    def start(self) -> None:
        """Start it and wait until it answers; raises BrokerFailed.

        Where the kernel ends it with its parent, that is the thread which called this.
        """
        if not self._data.exists():
            self._format()
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [*END_WITH_US, *self._java("kafka.Kafka", str(self._properties))],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                # A Ctrl-C on the terminal is ours to handle.
                start_new_session=True,
            )
        try:
            self._wait_until_ready(self._process)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Ask it to end, kill it if it doesn't; one that doesn't run is left so."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def wait(self) -> None:
        """Wait for as long as it runs; raises BrokerFailed when it ended by itself."""
        if self._process is not None:
            status = self._process.wait()
            raise BrokerFailed(f"the broker ended with {status}:\n{self._said_last()}")

    def _format(self) -> None:
        self._properties.write_text(self._render_properties())
        users = [argument for user in self._scram_users for argument in ("--add-scram", user)]
        settings = ("-c", str(self._properties))
        arguments = ("format", f"--cluster-id={self._cluster_id}", *settings, *users)
        with self.log.open("ab") as output:
            formatted = subprocess.run(
                self._java("kafka.tools.StorageTool", *arguments),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                check=False,
            )
        if formatted.returncode != 0:
            raise BrokerFailed(f"the broker's storage isn't formatted:\n{self._said_last()}")

    def _render_properties(self) -> str:
        names = self.listeners
        common = PROPERTIES.format(
            host=LOOPBACK,
            controller=self._controller,
            listeners=",".join(f"{name}://{self.address_of(name)}" for name in names),
            protocols=",".join(f"{name}:{names[name].protocol}" for name in names),
            data=self._data,
        )
        own = [
            f"listener.name.{name.lower()}.{key}={value}\n"
            for name, listener in names.items()
            for key, value in listener.settings.items()
        ]
        return common + "".join(own)

    def _java(self, *arguments: str) -> list[str]:
        return [*JAVA, *LOGGING, "-cp", f"{self._libraries}/*", *arguments]

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        until = time.monotonic() + READY_SECONDS
        while not self._answers():
            if process.poll() is not None:
                raise BrokerFailed(f"the broker didn't start:\n{self._said_last()}")
            if time.monotonic() > until:
                waited = f"the broker didn't answer within {READY_SECONDS} s"
                raise BrokerFailed(f"{waited}:\n{self._said_last()}")
            time.sleep(LOOK_SECONDS)

    def _answers(self) -> bool:
        """Whether it counts itself among the brokers: only then it takes topics and records."""
        try:
            # The library's client would wait longer and longer for a port that isn't open yet.
            socket.create_connection((LOOPBACK, self._port), timeout=1).close()
            with open_admin(self.bootstrap) as admin:
                cluster = admin.describe_cluster()
        except (OSError, KafkaError):
            return False
        # On a port that was taken, somebody else's broker answers.
        return cluster["cluster_id"] == self._cluster_id and bool(cluster["brokers"])

    def _said_last(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()
        return "\n".join([line for line in lines if not line.startswith("\tat ")][-TOLD_LINES:])


@contextmanager
def running_broker(
    libraries: Path,
    directory: Path,
    port: int | None = None,
    listeners: Mapping[str, Listener] | None = None,
    scram_users: Sequence[str] = (),
) -> Iterator[KafkaBroker]:
    """Run a broker for as long as the context lasts, on free ports unless one is given.

    Raises BrokerFailed.
    """
    broker = KafkaBroker(libraries, directory, port, listeners, scram_users)
    try:
        broker.start()
        yield broker
    finally:
        broker.stop()


@contextmanager
def open_admin(bootstrap: str) -> Iterator[KafkaAdminClient]:
    """A client that makes topics and asks about the cluster."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap, bootstrap_timeout_ms=5_000)
    try:
        yield admin
    finally:
        admin.close()


def make_topic(bootstrap: str, name: str, partitions: int) -> None:
    """Make a topic and wait until it takes records."""
    with open_admin(bootstrap) as admin:
        admin.create_topics({name: {"num_partitions": partitions}}, wait_for_metadata=True)


def _free_port() -> int:
    return next(port for port in random.sample(PORTS, len(PORTS)) if _is_free(port))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def _keep_running() -> None:
    """Run a broker in the foreground until it is interrupted, and say what it is good for."""
    libraries = resolve_libraries(libraries_home())
    port = USUAL_PORT if _is_free(USUAL_PORT) else None
    with (
        tempfile.TemporaryDirectory(prefix="stringx-kafka-") as directory,
        running_broker(libraries, Path(directory), port) as broker,
    ):
        for topic in TOPICS:
            make_topic(broker.bootstrap, topic, TOPIC_PARTITIONS)
        click.echo(_usage(broker))
        with suppress(Interrupted):
            broker.wait()


def _usage(broker: KafkaBroker) -> str:
    named = f"STRINGX_KAFKA_BOOTSTRAP={broker.bootstrap}"
    return f"""\
Kafka {kafka_version()} answers on {broker.bootstrap}, with the topics {", ".join(TOPICS)}.

  Ask a gate over it:     {named} .venv/bin/python sending_kafka_messages.py --table flights.planes
  Run the tests with it:  {named} make test
  What it says itself:    {broker.log}

Ctrl-C ends it; its records go with it."""


if __name__ == "__main__":
    end_on_signals()
    try:
        _keep_running()
    except (KafkaUnavailable, BrokerFailed) as error:
        raise SystemExit(f"stringx: {error}") from None
