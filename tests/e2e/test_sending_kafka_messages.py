"""The client for other teams, over a real broker; the service at the other end is played."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from gatekeeper.settings import ROOT
from standalone.kafka import KafkaBroker, make_topic
from tests.kafka.fixtures import do_without

CLIENT = ROOT / "sending_kafka_messages.py"
PARTITIONS = 3
ALL_PASS = {"expected": 3, "executed": 3, "not_judged": 0, "skipped": 0}


@dataclass
class PlayedService:
    """Answers a trigger by the name of its table: its verdict, `refused` or `silent`."""

    bootstrap: str
    triggers: str
    results: str
    dlq: str
    heard: list[Any] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        partitions = [TopicPartition(self.triggers, number) for number in range(PARTITIONS)]
        with (
            closing(KafkaConsumer(bootstrap_servers=self.bootstrap)) as consumer,
            closing(KafkaProducer(bootstrap_servers=self.bootstrap)) as producer,
        ):
            consumer.assign(partitions)
            consumer.seek_to_beginning(*partitions)
            while not self.stopping.is_set():
                for records in consumer.poll(timeout_ms=50).values():
                    for record in records:
                        self.heard.append(record)
                        self._answer(producer, record)

    def _answer(self, producer: Any, record: Any) -> None:
        trigger = json.loads(record.value)
        wanted = trigger["table"].partition(".")[2]
        if wanted == "refused":
            reason = [("stringx_reason", b"there is no such\n gate")]
            producer.send(self.dlq, key=record.key, value=record.value, headers=reason)
        elif wanted != "silent":
            result = {
                "request_id": trigger["request_id"],
                "run_id": f"run of {wanted}",
                "table": trigger["table"],
                "verdict": wanted if wanted != "cancelled" else None,
                "open": wanted in ("pass", "warn") if wanted != "cancelled" else None,
                "message": "the gate is off" if wanted == "cancelled" else "",
                "counts": ALL_PASS if wanted != "cancelled" else None,
            }
            told = [("verdict", wanted.encode())] if wanted != "cancelled" else []
            headers = [*told, ("request_id", result["request_id"].encode())]
            value = json.dumps(result).encode()
            producer.send(self.results, key=record.key, value=value, headers=headers)

    @property
    def sent(self) -> list[dict[str, Any]]:
        return [json.loads(record.value) for record in self.heard]


def play(kafka: str, new_topic: Callable[..., str]) -> PlayedService:
    triggers, results, dlq = (new_topic(partitions=PARTITIONS) for _ in range(3))
    return PlayedService(kafka, triggers, results, dlq)


@pytest.fixture(scope="module")
def quiet(kafka: str, new_topic: Callable[..., str]) -> PlayedService:
    """Topics at which nobody answers."""
    return play(kafka, new_topic)


@pytest.fixture
def service(kafka: str, new_topic: Callable[..., str]) -> Iterator[PlayedService]:
    """Topics of the test's own, at which somebody answers."""
    played = play(kafka, new_topic)
    thread = threading.Thread(target=played.run)
    thread.start()
    yield played
    played.stopping.set()
    thread.join()


def ask(service: PlayedService, *arguments: str, given: str = "", **environment: str) -> Any:
    """Run the client by itself: Python's isolated mode lets it import nothing of ours."""
    topics = {
        "--bootstrap": service.bootstrap,
        "--topic": service.triggers,
        "--results-topic": service.results,
        "--dlq-topic": service.dlq,
    }
    named = [f"{name}={value}" for name, value in topics.items() if name not in arguments]
    return subprocess.run(
        [sys.executable, "-I", str(CLIENT), *named, *arguments],
        cwd="/",
        env=environment,
        input=given,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def rows(printed: str) -> list[list[str]]:
    """The cells of the table's rows, without its head."""
    lines = printed.splitlines()
    head = next(number for number, line in enumerate(lines) if line.startswith("request "))
    return [line.split() for line in lines[head + 1 : -1]]


@pytest.mark.parametrize(
    ("verdict", "status"), [("pass", 0), ("fail", 1), ("warn", 2), ("error", 3), ("no_data", 4)]
)
def test_the_exit_status_is_the_verdict(service: PlayedService, verdict: str, status: int) -> None:
    done = ask(service, "--table", f"shop.{verdict}", "--request-id", "r1")
    assert done.returncode == status, done.stderr
    assert done.stderr == ""
    gate = "open" if verdict in ("pass", "warn") else "closed"
    expected = ["r1", f"shop.{verdict}", verdict, gate, "3/3", "run", "of", verdict]
    assert rows(done.stdout) == [expected]
    assert done.stdout.splitlines()[-1] == f"1 asked: 1 {verdict}"


def test_a_trigger_is_what_the_arguments_say(service: PlayedService) -> None:
    done = ask(
        service, "--table", "shop.pass", "--warehouse", "w", "--correlation-id", "c",
        "--batch-column", "day", "--from", "2024-01-01", "--to", "2024-02-01",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    [record], [trigger] = service.heard, service.sent
    assert record.key == b"shop.pass"
    place = f"{service.triggers}, partition {record.partition}, offset {record.offset}"
    request_id = trigger.pop("request_id")
    assert uuid.UUID(request_id)
    assert done.stdout.startswith(f"sent {request_id} shop.pass to {place}\n")
    assert trigger == {
        "table": "shop.pass",
        "warehouse": "w",
        "correlation_id": "c",
        "batch": {"column": "day", "from": "2024-01-01", "to": "2024-02-01"},
    }


def test_a_batch_may_be_values(service: PlayedService) -> None:
    done = ask(
        service,
        *("--table", "shop.pass", "--batch-column", "carrier", "--value", "AA", "--value", "UA"),
    )
    assert done.returncode == 0, done.stderr
    assert service.sent[0]["batch"] == {"column": "carrier", "values": ["AA", "UA"]}


@pytest.mark.parametrize(
    ("tables", "status"),
    [
        (["pass", "warn", "pass"], 2),
        (["pass", "warn", "no_data"], 4),
        (["fail", "no_data", "pass"], 1),
        (["fail", "error"], 3),
    ],
)
def test_of_json_lines_the_worst_is_the_exit_status(
    service: PlayedService, tables: list[str], status: int
) -> None:
    lines = [json.dumps({"table": f"shop.{each}", "request_id": each}) for each in tables]
    given = "\n\n".join(lines)
    done = ask(service, "--file", "-", given=given)
    assert done.returncode == status, done.stderr
    assert [row[1] for row in rows(done.stdout)] == [f"shop.{each}" for each in tables]
    assert sorted(service.sent, key=str) == sorted(map(json.loads, lines), key=str)


def test_a_text_that_no_line_can_hold_is_sent_and_told(service: PlayedService) -> None:
    given = r'{"table": "shop\ud800.pass", "request_id": "\u001b[2J\nr1"}'
    done = ask(service, "--file", "-", given=given)
    assert done.returncode == 0, done.stderr
    assert service.heard[0].key == rb"shop\ud800.pass"
    assert service.sent == [json.loads(given)]
    assert rows(done.stdout)[0][:5] == ["[2J", "r1", "shop", ".pass", "pass"]
    assert "\x1b" not in done.stdout


def test_a_file_is_sent_as_it_is(service: PlayedService, tmp_path: Path) -> None:
    file = tmp_path / "triggers.jsonl"
    batch = {"column": "name", "values": ["a\u2028b"]}
    line = json.dumps({"table": "shop.pass", "batch": batch}, ensure_ascii=False)
    file.write_bytes(b"\xef\xbb\xbf" + line.encode() + b"\r\n")
    assert ask(service, "--file", str(file)).returncode == 0
    assert service.sent[0]["batch"] == batch


def test_a_dead_letter_ends_the_wait_with_its_reason(service: PlayedService) -> None:
    started = time.monotonic()
    done = ask(service, "--table", "shop.refused", "--request-id", "r1")
    assert done.returncode == 3
    assert "refused: there is no such gate" in done.stdout
    assert time.monotonic() - started < 30


def test_a_run_that_is_not_judged_is_an_error(service: PlayedService) -> None:
    done = ask(service, "--table", "shop.cancelled", "--request-id", "r1")
    assert done.returncode == 3
    assert rows(done.stdout)[0][2] == "error"
    assert "the gate is off" in done.stdout


def test_no_answer_in_time_is_an_error(service: PlayedService) -> None:
    given = '{"table": "shop.silent"}\n{"table": "shop.pass"}'
    done = ask(service, "--file", "-", "--wait", "2", given=given)
    assert done.returncode == 3
    assert [row[2] for row in rows(done.stdout)] == ["error", "pass"]
    assert "no answer within 2 s" in done.stdout
    assert done.stdout.endswith("2 asked: 1 pass, 1 error\n")


def test_an_answer_is_heard_over_a_stop_of_the_broker(own_broker: KafkaBroker) -> None:
    bootstrap = own_broker.bootstrap
    for topic in ("stringx.triggers", "stringx.results", "stringx.triggers.dlq"):
        make_topic(bootstrap, topic, PARTITIONS)
    command = [sys.executable, "-I", str(CLIENT), "--bootstrap", bootstrap]
    asked = [*command, "--table", "shop.pass", "--request-id", "r1", "--wait", "90"]
    with subprocess.Popen(asked, stdout=subprocess.PIPE) as client:
        assert client.stdout
        assert client.stdout.readline().startswith(b"sent r1")
        own_broker.stop()
        own_broker.start()
        with closing(KafkaProducer(bootstrap_servers=bootstrap)) as producer:
            result = {"request_id": "r1", "verdict": "warn", "open": True}
            producer.send("stringx.results", value=json.dumps(result).encode()).get(10)
        assert client.wait(100) == 2


def test_only_answers_to_this_request_count(service: PlayedService) -> None:
    """Neither what others get, nor what was there before, nor what is no JSON."""
    old = json.dumps({"request_id": "r1", "verdict": "fail"}).encode()
    values = [old, b"\xff", None, b"[" * 100_000, b'{"request_id": [1]}', b"7"]
    with closing(KafkaProducer(bootstrap_servers=service.bootstrap)) as producer:
        producer.send(service.results, value=old).get(10)
        asked = threading.Timer(
            1, lambda: [producer.send(service.dlq, key=b"k", value=value) for value in values[1:]]
        )
        asked.start()
        done = ask(service, "--table", "shop.silent", "--request-id", "r1", "--wait", "3")
        asked.join()
    assert done.returncode == 3
    assert "no answer within 3 s" in done.stdout


def test_a_trigger_is_repeated_with_new_request_ids(service: PlayedService) -> None:
    done = ask(service, "--table", "shop.pass", "--count", "50")
    assert done.returncode == 0, done.stderr
    assert len({trigger["request_id"] for trigger in service.sent}) == 50
    assert done.stdout.endswith("50 asked: 50 pass\n")


def test_a_rate_is_kept(service: PlayedService) -> None:
    done = ask(service, "--table", "shop.pass", "--count", "11", "--rate", "5", "--wait", "0")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 11
    deadline = time.monotonic() + 10
    while len(service.heard) < 11 and time.monotonic() < deadline:
        time.sleep(0.05)
    times = [record.timestamp for record in service.heard]
    # 2 s from the first to the last, but the first may have waited for the connection.
    assert 1_500 < max(times) - min(times) < 10_000


def test_nothing_is_waited_for_unless_asked(quiet: PlayedService) -> None:
    done = ask(quiet, "--table", "shop.silent", "--wait", "0")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("sent ")
    assert "no answer" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "given", "reason"),
    [
        ([], "", "one of the arguments --table --file is required"),
        (["--table", "a.b", "--rate", "0"], "", "isn't a number above zero"),
        (["--table", "a.b", "--wait", "-1"], "", "isn't a number of seconds"),
        (["--table", "a.b", "--from", "1"], "", "need a --batch-column"),
        (["--table", "a.b", "--batch-column", "c"], "", "needs --from, --to or both"),
        (
            ["--table", "a.b", "--batch-column", "c", "--from", "1", "--value", "2"],
            "",
            "or else --value",
        ),
        (["--table", "a.b", "--request-id", "r", "--count", "2"], "", "don't give one"),
        (["--file", "-", "--warehouse", "w"], "{}", "says all there is"),
        (["--file", "/nowhere"], "", "/nowhere can't be read"),
        (["--file", "-"], "\n", "holds no trigger"),
        (["--file", "-"], '{"table": "a.b"}\n{"tabel": "a.b"}', "line 2: no JSON object"),
        (["--file", "-"], '{"table": "a.b", "request_id": 7}', "line 1: a request_id is a text"),
        (["--table", "a.b", "--config", "unheard_of=1"], "", "no such setting"),
        (["--table", "a.b", "--config", "linger_ms"], "", "no value is given"),
        (["--table", "a.b", "--config", "linger_ms=soon"], "", "it is a whole number"),
        (["--table", "a.b", "--config", "ssl_check_hostname=no"], "", "true or false"),
        (["--table", "a.b", "--config", "partitioner=x"], "", "can't be given as text"),
        (["--table", "a.b", "--config", "ssl_password=env:NOT_SET"], "", "NOT_SET isn't set"),
        (["--table", "a.b", "--topic", "not-there"], "", "not-there isn't there"),
        (["--table", "a.b", "--results-topic", "not-there"], "", "not-there isn't there"),
        (["--table", "a.b", "--dlq-topic", "not-there"], "", "not-there isn't there"),
        (
            [
                *("--table", "a.b", "--bootstrap", "127.0.0.1:1"),
                *("--config", "bootstrap_timeout_ms=1000"),
            ],
            "",
            "Kafka",
        ),
    ],
)
def test_what_cannot_be_done_is_refused(
    quiet: PlayedService, arguments: list[str], given: str, reason: str
) -> None:
    done = ask(quiet, *arguments, given=given)
    assert done.returncode == 3, done.stdout
    assert reason in done.stderr
    assert "Traceback" not in done.stderr
    assert "sent " not in done.stdout


def test_what_is_too_large_is_not_sent(quiet: PlayedService) -> None:
    given = json.dumps({"table": "a.b", "request_id": "r1", "correlation_id": "x" * 2_000_000})
    for wait in ("0", "1"):
        done = ask(quiet, "--file", "-", "--wait", wait, given=given)
        assert done.returncode == 3
        assert "MessageSizeTooLargeError" in done.stdout + done.stderr


def test_settings_reach_the_library(quiet: PlayedService) -> None:
    """A broker without TLS can't be talked to over TLS, and SASL needs its password."""
    tls = ("--config", "security_protocol=SSL", "--config", "bootstrap_timeout_ms=2000")
    assert ask(quiet, "--table", "a.b", *tls).returncode == 3
    sasl = [
        *("--config", "security_protocol=SASL_PLAINTEXT", "--config", "sasl_mechanism=PLAIN"),
        *("--config", "sasl_plain_username=u", "--config", "sasl_plain_password=env:PASSWORD"),
        *("--config", "bootstrap_timeout_ms=2000"),
    ]
    done = ask(quiet, "--table", "a.b", *sasl, PASSWORD="canary")
    assert done.returncode == 3
    assert "isn't set" not in done.stderr
    assert "canary" not in done.stderr + done.stdout


def test_the_bootstrap_servers_may_be_in_the_environment(quiet: PlayedService) -> None:
    done = subprocess.run(
        [sys.executable, "-I", CLIENT, "--topic", quiet.triggers, "--table", "a.b", "--wait=0"],
        env={"STRINGX_KAFKA_BOOTSTRAP": quiet.bootstrap},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_another_client_asks_and_reads(service: PlayedService) -> None:
    """What is on the wire is for every client: here kcat, which stands on librdkafka."""
    kcat = shutil.which("kcat")
    if kcat is None:
        do_without("kcat isn't installed (apt-get install kcat)")
    trigger = json.dumps({"request_id": "r1", "table": "shop.fail"})
    at = [kcat, "-b", service.bootstrap, "-q"]
    asking = [*at, "-P", "-t", service.triggers, "-k", "shop.fail"]
    subprocess.run(asking, input=trigger.encode(), timeout=30, check=True)
    reading = [*at, "-C", "-t", service.results, "-o", "beginning", "-c", "1", "-f", "%k %h %s"]
    read = subprocess.run(reading, capture_output=True, text=True, timeout=30, check=True)
    key, headers, value = read.stdout.split(" ", maxsplit=2)
    assert (key, headers) == ("shop.fail", "verdict=fail,request_id=r1")
    assert json.loads(value)["verdict"] == "fail"
