"""The topic of dead letters, to look through and to put back once their cause is mended.

What was put back is remembered as the offsets of a group of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.structs import OffsetAndMetadata

from gatekeeper.kafka.client import reaching
from gatekeeper.kafka.dead_letters import SEND_SECONDS, Record
from gatekeeper.kafka.wire.dead_letter import own_headers, read_reason
from gatekeeper.settings import KafkaSettings

POLL_MILLISECONDS = 500


@dataclass(frozen=True)
class Letter:
    """A record that was put aside: where it is now, its key as text, and why."""

    where: str
    key: str
    reason: str


class DeadLetterBox:
    """The letters that have not been put back yet."""

    def __init__(self, config: Mapping[str, Any], settings: KafkaSettings) -> None:
        self._config = config
        self._settings = settings

    def letters(self) -> list[Letter]:
        """Give the letters, those of a partition in their order."""
        with self._reader() as reader:
            return [_build_letter(record) for record in _read_on(reader)]

    def replay(self, producer: Any) -> int:
        """Send every letter to the triggers' topic as it first came, and give how many they were.

        What is sent and not yet remembered is sent again by the next replay.
        """
        sent = 0
        with self._reader() as reader:
            for record in _read_on(reader):
                producer.send(
                    self._settings.triggers_topic,
                    key=record.key,
                    value=record.value,
                    headers=own_headers(record.headers),
                ).get(timeout=SEND_SECONDS)
                partition = TopicPartition(record.topic, record.partition)
                reader.commit({partition: OffsetAndMetadata(record.offset + 1, "", -1)})
                sent += 1
        return sent

    @contextmanager
    def _reader(self) -> Iterator[KafkaConsumer]:
        """Open a reader of every partition, at what was not put back yet.

        Raises BrokersUnreachable.
        """
        with reaching(self._config):
            reader = KafkaConsumer(
                **self._config,
                group_id=f"{self._settings.group}-dead-letters",
                enable_auto_commit=False,
                auto_offset_reset="earliest",
            )
        with closing(reader):
            topic = self._settings.dead_letters_topic
            numbers = reader.partitions_for_topic(topic) or set()
            reader.assign([TopicPartition(topic, number) for number in sorted(numbers)])
            yield reader


def _build_letter(record: Record) -> Letter:
    where = f"{record.topic}/{record.partition}/{record.offset}"
    key = (record.key or b"").decode(errors="replace")
    return Letter(where, key, read_reason(record.headers))


def _read_on(reader: KafkaConsumer) -> Iterator[Record]:
    """Give what there is up to the ends as they are now."""
    partitions = reader.assignment()
    ends = reader.end_offsets(partitions)
    while any(reader.position(partition) < ends[partition] for partition in partitions):
        for records in reader.poll(timeout_ms=POLL_MILLISECONDS).values():
            yield from records
