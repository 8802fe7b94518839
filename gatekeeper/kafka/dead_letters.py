"""Dead letters: records that can't be taken, put aside as they are with the reason beside them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Protocol

import structlog
from kafka.errors import KafkaError

from gatekeeper.domain.errors import GatekeeperError

log = structlog.get_logger(__name__)

SEND_SECONDS = 30
PREFIX = "stringx."

Headers = list[tuple[str, bytes]]


class Record(Protocol):
    """What kafka-python gives of a record, as far as it is read here."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp: int


class DeadLetterLost(GatekeeperError):
    """A record could be neither taken nor put aside; going on would lose it."""

    def __init__(self, record: Record, reason: str) -> None:
        place = f"{record.topic}/{record.partition}/{record.offset}"
        super().__init__(f"the dead letter of {place} could not be written: {reason}")


class DeadLetters:
    """Puts records aside on a topic of their own."""

    def __init__(self, producer: Any, topic: str) -> None:
        self._producer = producer
        self._topic = topic

    def send(self, record: Record, reason: str) -> None:
        """Put a record aside, with its bytes, its key and its headers as they are.

        Raises DeadLetterLost unless the broker has it.
        """
        about = {
            "reason": reason,
            "topic": record.topic,
            "partition": str(record.partition),
            "offset": str(record.offset),
            "time": datetime.now(UTC).isoformat(),
        }
        ours = [(f"{PREFIX}{name}", value.encode()) for name, value in about.items()]
        headers = [*without_ours(record.headers), *ours]
        try:
            self._producer.send(
                self._topic, key=record.key, value=record.value, headers=headers
            ).get(timeout=SEND_SECONDS)
        except KafkaError as error:
            raise DeadLetterLost(record, str(error)) from error
        log.warning(
            "a record was put aside",
            action="dead_letter",
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            reason=reason,
        )


def without_ours(headers: Headers) -> Headers:
    """Give the headers that the sender gave: a record that is put aside again has one reason."""
    return [(name, value) for name, value in headers if not name.startswith(PREFIX)]
