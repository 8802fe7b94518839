"""Dead letters: records that can't be taken, put aside as they are with the reason beside them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Protocol

import structlog
from kafka.errors import KafkaError

from gatekeeper.domain.errors import GatekeeperError
from gatekeeper.kafka.wire import render_dead_letter_headers

log = structlog.get_logger(__name__)

SEND_SECONDS = 30


class Record(Protocol):
    """What kafka-python gives of a record, as far as it is read here; its time is in milliseconds
    since 1970.
    """

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]


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

    def send(self, record: Record, error: GatekeeperError) -> None:
        """Put a record aside, with its bytes, its key and its headers as they are.

        Raises DeadLetterLost unless the broker has it.
        """
        place = (record.topic, record.partition, record.offset)
        headers = render_dead_letter_headers(record.headers, error, place, datetime.now(UTC))
        try:
            self._producer.send(
                self._topic, key=record.key, value=record.value, headers=headers
            ).get(timeout=SEND_SECONDS)
        except KafkaError as failure:
            raise DeadLetterLost(record, str(failure)) from failure
        log.warning(
            "a record was put aside",
            action="dead_letter",
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            reason=str(error),
        )
