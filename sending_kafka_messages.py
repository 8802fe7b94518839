#!/usr/bin/env python3
"""Ask StringX's gates over Kafka, and wait for their verdicts.

Copy this file to where it is needed: besides Python 3.9 it wants kafka-python (3.0.12 or later) and
nothing else.

  sending_kafka_messages.py --table shop.orders --batch-column day --from 2024-01-01 --to 2024-02-01
  sending_kafka_messages.py --file triggers.jsonl --wait 300
  echo '{"table": "shop.orders"}' | sending_kafka_messages.py --file - --count 1000 --rate 50

Exit status: 0 pass, 1 fail, 2 warn, 3 error, 4 no data; of many the worst, which is error before
fail, no data, warn and pass. Error is also what wasn't sent, was refused, or got no answer in time.
With --wait 0 nothing is waited for, and 0 says that everything was sent.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import time
import uuid
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaConnectionError, KafkaError, SaslAuthenticationFailedError
from kafka.net.sasl.oauth import AbstractTokenProvider

EXIT_STATUS = {"pass": 0, "fail": 1, "warn": 2, "error": 3, "no_data": 4}
BEST_TO_WORST = ("pass", "warn", "no_data", "fail", "error")
OF_ONE_TRIGGER = (
    "warehouse",
    "batch_column",
    "start",
    "end",
    "value",
    "correlation_id",
    "request_id",
)
PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
OAUTHBEARER = "OAUTHBEARER"
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", OAUTHBEARER)
INTERRUPTED = 130
POLL_SECONDS = 1.0
ENVIRONMENT = "env:"

Trigger = dict[str, Any]


class Refused(Exception):
    """What was asked for can't be done; nothing was sent."""


@dataclass(frozen=True)
class Answer:
    """What became of one trigger."""

    verdict: str
    message: str = ""
    gate: str = ""
    checks: str = ""
    run_id: str = ""


# What is asked


class Parser(argparse.ArgumentParser):
    """Ends with 3 where the arguments are wrong: argparse's own 2 would say `warn`."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and end."""
        self.print_usage(sys.stderr)
        self.exit(EXIT_STATUS["error"], f"{self.prog}: {message}\n")


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = Parser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    asked = parser.add_argument_group("what to ask")
    what = asked.add_mutually_exclusive_group(required=True)
    what.add_argument("--table", help="the gate, as schema.table")
    what.add_argument("--file", help="triggers as JSON lines; - reads standard input")
    asked.add_argument("--warehouse", help="where more than one has such a table")
    asked.add_argument("--batch-column", metavar="COLUMN", help="ask about a part of the table")
    asked.add_argument("--from", dest="start", metavar="VALUE", help="the least value of the batch")
    asked.add_argument("--to", dest="end", metavar="VALUE", help="the first value beyond it")
    asked.add_argument(
        "--value", action="append", metavar="VALUE", help="instead: one of its values"
    )
    asked.add_argument("--correlation-id", metavar="TEXT", help="comes back with the result")
    asked.add_argument("--request-id", metavar="TEXT", help="a new UUID; the same asks only once")

    sent = parser.add_argument_group("how to send it")
    sent.add_argument(
        "--count", type=positive(int), default=1, help="how often, each a new request"
    )
    sent.add_argument("--rate", type=positive(float), help="triggers a second; as fast as it goes")
    sent.add_argument(
        "--wait", type=seconds, default=60.0, metavar="SECONDS", help="for the results"
    )

    where = parser.add_argument_group("where")
    where.add_argument(
        "--bootstrap",
        default=os.environ.get("STRINGX_KAFKA_BOOTSTRAP") or "localhost:9092",
        metavar="HOST:PORT,...",
        help="the brokers; STRINGX_KAFKA_BOOTSTRAP, or localhost:9092",
    )
    where.add_argument("--topic", default="stringx.triggers")
    where.add_argument("--results-topic", default="stringx.results")
    where.add_argument("--dlq-topic", default="stringx.triggers.dlq")
    where.add_argument(
        "--config",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="any other setting of kafka-python; env:NAME as the value takes it from the "
        "environment, where a password belongs",
    )

    secured = parser.add_argument_group("how a secured cluster is reached")
    secured.add_argument("--security-protocol", choices=PROTOCOLS)
    secured.add_argument("--sasl-mechanism", choices=MECHANISMS, help="how to say who one is")
    secured.add_argument("--username", metavar="NAME", help="who one is")
    secured.add_argument(
        "--password-file", metavar="FILE", help="holds the password, or the token of OAUTHBEARER"
    )
    secured.add_argument("--cafile", metavar="FILE", help="who signs the brokers' certificates")
    secured.add_argument("--certfile", metavar="FILE", help="one's own certificate")
    secured.add_argument("--keyfile", metavar="FILE", help="the key of that certificate")
    return parser.parse_args(arguments)


def positive(number: type[Any]) -> Any:
    """Read a number above zero."""

    def read(text: str) -> Any:
        value = number(text)
        if not 0 < value < float("inf"):
            raise argparse.ArgumentTypeError(f"{text} isn't a number above zero")
        return value

    return read


def seconds(text: str) -> float:
    """Read a duration; 0 is one."""
    value = float(text)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} isn't a number of seconds")
    return value


def build_triggers(arguments: argparse.Namespace) -> list[Trigger]:
    """Give everything that is to be sent, each trigger with its request id; raises Refused."""
    if arguments.file is None:
        once = [trigger_of(arguments)]
    else:
        refuse_with_a_file(arguments)
        once = list(read_triggers(arguments.file))
    if arguments.count > 1 and any("request_id" in trigger for trigger in once):
        raise Refused("with --count each trigger gets a request id of its own; don't give one")
    return [
        {"request_id": str(uuid.uuid4()), **trigger}
        for _ in range(arguments.count)
        for trigger in once
    ]


def trigger_of(arguments: argparse.Namespace) -> Trigger:
    """Build the trigger that the arguments describe."""
    trigger = {
        "request_id": arguments.request_id,
        "table": arguments.table,
        "warehouse": arguments.warehouse,
        "batch": batch_of(arguments),
        "correlation_id": arguments.correlation_id,
    }
    return {name: value for name, value in trigger.items() if value is not None}


def batch_of(arguments: argparse.Namespace) -> Trigger | None:
    """Build the batch: a range or values of a column, or None for the whole table."""
    ends = {"from": arguments.start, "to": arguments.end}
    ends = {name: value for name, value in ends.items() if value is not None}
    if arguments.batch_column is None:
        if ends or arguments.value:
            raise Refused("--from, --to and --value need a --batch-column")
        return None
    if bool(ends) == bool(arguments.value):
        raise Refused("a --batch-column needs --from, --to or both, or else --value")
    if ends:
        return {"column": arguments.batch_column, **ends}
    return {"column": arguments.batch_column, "values": arguments.value}


def refuse_with_a_file(arguments: argparse.Namespace) -> None:
    """Hold a file's triggers to be whole: no argument adds to them."""
    for name in OF_ONE_TRIGGER:
        if getattr(arguments, name) is not None:
            raise Refused("with --file, a trigger's line says all there is to it")


def read_triggers(file: str) -> Iterator[Trigger]:
    """Read JSON lines, a trigger each; empty ones are passed over. Raises Refused."""
    try:
        content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        lines = content.decode("utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{file} can't be read: {error}") from None
    if not any(line.strip() for line in lines):
        raise Refused(f"{file} holds no trigger")
    for number, line in enumerate(lines, start=1):
        if line.strip():
            trigger = parse_object(line)
            if not isinstance(trigger.get("table"), str):
                raise Refused(f"{file}, line {number}: no JSON object with a table")
            if not isinstance(trigger.get("request_id", ""), str):
                raise Refused(f"{file}, line {number}: a request_id is a text")
            yield trigger


def parse_object(text: str | bytes | None) -> dict[str, Any]:
    """Read a JSON object; what is none, is an empty one."""
    try:
        value = json.loads(text or "null")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


# Settings of kafka-python


class TokenFile(AbstractTokenProvider):  # type: ignore[misc]  # it has no types
    """Reads the token anew each time: whoever made it may have made another since."""

    def __init__(self, file: str) -> None:
        """Remember the file."""
        super().__init__()
        self._file = file

    def token(self) -> str:
        """Give the token."""
        return read_secret(self._file)


def read_secret(file: str) -> str:
    """Give what stands in a file; raises Refused."""
    try:
        return Path(file).read_text("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{file} can't be read: {error}") from None


def read_security(arguments: argparse.Namespace) -> dict[str, Any]:
    """Give the settings of the library that the arguments stand for; raises Refused."""
    for file in (arguments.cafile, arguments.certfile, arguments.keyfile):
        if file is not None and not Path(file).is_file():
            raise Refused(f"{file} isn't there")
    config = {
        "security_protocol": arguments.security_protocol,
        "sasl_mechanism": arguments.sasl_mechanism,
        "sasl_plain_username": arguments.username,
        "ssl_cafile": arguments.cafile,
        "ssl_certfile": arguments.certfile,
        "ssl_keyfile": arguments.keyfile,
    }
    if arguments.password_file is not None:
        secret = read_secret(arguments.password_file)
        if arguments.sasl_mechanism == OAUTHBEARER:
            config["sasl_oauth_token_provider"] = TokenFile(arguments.password_file)
        else:
            config["sasl_plain_password"] = secret
    return {key: value for key, value in config.items() if value is not None}


def read_config(pairs: Iterable[str]) -> dict[str, Any]:
    """Give each setting the type that the library has for it; raises Refused."""
    defaults = {**KafkaConsumer.DEFAULT_CONFIG, **KafkaProducer.DEFAULT_CONFIG}
    config = {}
    for pair in pairs:
        key, separator, text = pair.partition("=")
        if not separator or key not in defaults:
            raise Refused(f"--config {key}: kafka-python has no such setting, or no value is given")
        if text.startswith(ENVIRONMENT):
            text = from_environment(key, text[len(ENVIRONMENT) :])
        config[key] = read_value(key, text, defaults[key])
    return config


def from_environment(key: str, name: str) -> str:
    """Give a variable's value; raises Refused where it isn't set."""
    try:
        return os.environ[name]
    except KeyError:
        raise Refused(f"--config {key}: the variable {name} isn't set") from None


def read_value(key: str, text: str, default: Any) -> Any:
    """Read one value, by the type of its default."""
    if isinstance(default, bool):
        if text.lower() not in ("true", "false"):
            raise Refused(f"--config {key}: it is either true or false")
        return text.lower() == "true"
    if isinstance(default, (int, float)):
        try:
            return int(text)
        except ValueError:
            raise Refused(f"--config {key}: it is a whole number") from None
    if default is None or isinstance(default, str):
        return text
    raise Refused(f"--config {key}: it can't be given as text")


def settings_for(client: Any, config: dict[str, Any]) -> dict[str, Any]:
    """Give those settings that a client of this class has."""
    return {key: value for key, value in config.items() if key in client.DEFAULT_CONFIG}


# Topics


def find_partitions(config: dict[str, Any], topics: Sequence[str]) -> list[Any]:
    """Give the partitions of the topics; raises Refused where one isn't there.

    Asked of the admin client: the others may make a topic by asking for it.
    """
    with closing(KafkaAdminClient(**settings_for(KafkaAdminClient, config))) as admin:
        found = admin.describe_topics(list(topics))
    for topic in found:
        if topic["error_code"]:
            raise Refused(f"the topic {topic['name']} isn't there, or not for you")
    return [
        TopicPartition(topic["name"], partition["partition_index"])
        for topic in found
        for partition in topic["partitions"]
    ]


# Sending


def send(
    config: dict[str, Any], topic: str, triggers: Sequence[Trigger], rate: float | None
) -> dict[str, Answer]:
    """Send every trigger and print where it went; gives what wasn't sent, by its request id."""
    under_way: deque[tuple[Trigger, Any]] = deque()
    not_sent: dict[str, Answer] = {}
    with closing(KafkaProducer(**settings_for(KafkaProducer, config))) as producer:
        for trigger in paced(triggers, rate):
            value = json.dumps(trigger).encode()
            try:
                sent = producer.send(topic, key=key_of(trigger), value=value)
            except KafkaError as error:
                not_sent[trigger["request_id"]] = Answer("error", f"not sent: {error}")
                continue
            under_way.append((trigger, sent))
            while under_way and under_way[0][1].is_done:
                not_sent.update(tell_sent(*under_way.popleft()))
        for each in under_way:
            not_sent.update(tell_sent(*each))
    return not_sent


def key_of(trigger: Trigger) -> bytes:
    """Give the key, which keeps the triggers of a table in their order."""
    table: str = trigger["table"]
    return table.encode("utf-8", "backslashreplace")


def paced(triggers: Sequence[Trigger], rate: float | None) -> Iterator[Trigger]:
    """Give each trigger when its time has come, by the rate in triggers a second."""
    started = time.monotonic()
    for number, trigger in enumerate(triggers):
        if rate:
            time.sleep(max(0.0, started + number / rate - time.monotonic()))
        yield trigger


def tell_sent(trigger: Trigger, sent: Any) -> dict[str, Answer]:
    """Wait until the broker has a trigger, and print where."""
    try:
        record = sent.get()
    except KafkaError as error:
        return {trigger["request_id"]: Answer("error", f"not sent: {error}")}
    place = f"{record.topic}, partition {record.partition}, offset {record.offset}"
    print(one_line(f"sent {trigger['request_id']} {trigger['table']} to {place}"), flush=True)
    return {}


# Waiting


class Listener:
    """Hears the results and the dead letters that come after it was made."""

    def __init__(self, consumer: Any, partitions: Sequence[Any], dlq_topic: str) -> None:
        """Take the partitions of both topics at their ends, without a group."""
        self._consumer = consumer
        self._dlq_topic = dlq_topic
        consumer.assign(partitions)
        # Now, not at the first poll: by then an answer may be there already.
        for partition, end in consumer.end_offsets(partitions).items():
            consumer.seek(partition, end)

    def wait(self, request_ids: set[str], wait_seconds: float) -> dict[str, Answer]:
        """Wait until each request has its answer, or the time is over; gives what came."""
        answers: dict[str, Answer] = {}
        waiting = set(request_ids)
        until = time.monotonic() + wait_seconds
        while waiting and (left := until - time.monotonic()) > 0:
            polled = self._consumer.poll(timeout_ms=int(min(left, POLL_SECONDS) * 1000))
            for record in (record for records in polled.values() for record in records):
                # Of a dead letter the value is the trigger's own: it has the request id, too.
                content = parse_object(record.value)
                request_id = content.get("request_id")
                if isinstance(request_id, str) and request_id in waiting:
                    dead = record.topic == self._dlq_topic
                    answers[request_id] = read_dead(record) if dead else read_result(content)
                    waiting.remove(request_id)
        return answers


def read_result(content: dict[str, Any]) -> Answer:
    """Read a result's value."""
    verdict, counts = content.get("verdict"), content.get("counts")
    if not isinstance(counts, dict):
        counts = {}
    return Answer(
        verdict=verdict if verdict in EXIT_STATUS else "error",
        message=str(content.get("message") or ""),
        gate=read_gate(content.get("open")),
        checks=f"{counts.get('executed', '?')}/{counts.get('expected', '?')}",
        run_id=str(content.get("run_id") or ""),
    )


def read_gate(is_open: Any) -> str:
    """Give a word for it; null is none, where the gate is off or some rules were asked for."""
    if is_open is None:
        return ""
    return "open" if is_open is True else "closed"


def read_dead(record: Any) -> Answer:
    """Read why a trigger was refused."""
    reason = dict(record.headers or ()).get("stringx_reason") or b"no reason is given"
    return Answer("error", f"refused: {reason.decode('utf-8', 'replace')}")


# Telling


def print_answers(triggers: Sequence[Trigger], answers: dict[str, Answer]) -> None:
    """Print a table with a row for each trigger, and a line that counts them."""
    rows = [("request", "table", "verdict", "gate", "checks", "run", "message")]
    for trigger in triggers:
        answer = answers[trigger["request_id"]]
        rows.append(
            (
                trigger["request_id"],
                trigger["table"],
                answer.verdict,
                answer.gate,
                answer.checks,
                answer.run_id,
                answer.message,
            )
        )
    cells = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(*cells)]
    for row in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
    counted = Counter(answers[trigger["request_id"]].verdict for trigger in triggers)
    told = [f"{counted[verdict]} {verdict}" for verdict in BEST_TO_WORST if counted[verdict]]
    print(f"{len(triggers)} asked: {', '.join(told)}")


def one_line(text: str) -> str:
    """Keep a text from another system to its cell: no line ends, nothing that steers a terminal."""
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())


class Failure(logging.Handler):
    """Keeps why connections failed, of several reasons the most telling: the library logs them, and
    raises only that its time is up.
    """

    def __init__(self) -> None:
        """Begin without one."""
        super().__init__(logging.WARNING)
        self.reason: Any = None

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the error that the record is about, if it is about one."""
        telling = (
            KafkaConnectionError
            if self.reason is None or isinstance(self.reason, KafkaConnectionError)
            else SaslAuthenticationFailedError
        )
        for each in record.args if isinstance(record.args, tuple) else ():
            if isinstance(each, (telling, SaslAuthenticationFailedError)):
                self.reason = each


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask, wait and tell; gives the exit status."""
    options = parse_arguments(arguments)
    # It warns of its own scheduling on a busy machine.
    logging.getLogger("kafka.net.selector").setLevel(logging.ERROR)
    failure = Failure()
    logging.getLogger("kafka.net").addHandler(failure)
    try:
        config = {**read_security(options), **read_config(options.config)}
        return ask(options, build_triggers(options), config)
    except KeyboardInterrupt:
        return INTERRUPTED
    except (Refused, KafkaError) as error:
        # A broker says no and hangs up at once; of the two the library often sees the second only.
        more = "; are the user and the secret right?" if options.sasl_mechanism else ""
        reason = f" ({one_line(str(failure.reason))}{more})" if failure.reason else ""
        print(f"{Path(__file__).name}: {error}{reason}", file=sys.stderr)
        return EXIT_STATUS["error"]


def ask(options: argparse.Namespace, triggers: list[Trigger], config: dict[str, Any]) -> int:
    """Send the triggers, and wait for their answers if that is wanted."""
    config["bootstrap_servers"] = options.bootstrap.split(",")
    find_partitions(config, [options.topic])
    if options.wait:
        return send_and_wait(options, triggers, config)
    not_sent = send(config, options.topic, triggers, options.rate)
    for request_id, answer in not_sent.items():
        print(f"{request_id}: {answer.message}", file=sys.stderr)
    return EXIT_STATUS["error" if not_sent else "pass"]


def send_and_wait(
    options: argparse.Namespace, triggers: list[Trigger], config: dict[str, Any]
) -> int:
    """Listen, send, wait and tell; gives the exit status."""
    partitions = find_partitions(config, [options.results_topic, options.dlq_topic])
    late = Answer("error", f"no answer within {options.wait:g} s")
    answers = {trigger["request_id"]: late for trigger in triggers}
    # What is gone when it is fetched is behind us: earliest is what came next.
    ours = {"auto_offset_reset": "earliest", "group_id": None, "enable_auto_commit": False}
    with closing(KafkaConsumer(**{**settings_for(KafkaConsumer, config), **ours})) as consumer:
        listener = Listener(consumer, partitions, options.dlq_topic)
        not_sent = send(config, options.topic, triggers, options.rate)
        answers.update(listener.wait(answers.keys() - not_sent.keys(), options.wait))
    answers.update(not_sent)
    print_answers(triggers, answers)
    worst = max((answer.verdict for answer in answers.values()), key=BEST_TO_WORST.index)
    return EXIT_STATUS[worst]


if __name__ == "__main__":
    sys.exit(main())
