"""The consumer: takes triggers off their topic, and never loses one.

Offsets are committed only once a poll's requests are stored and its dead letters written; whatever
fails before is read again, and taken once all the same. It never waits on a warehouse.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata

from gatekeeper.domain.errors import SchemaRegistryUnavailable, StoreUnavailable
from gatekeeper.kafka.dead_letters import DeadLetters, Record
from gatekeeper.kafka.intake import Refusal
from gatekeeper.kafka.metrics import Metrics
from gatekeeper.settings import KafkaSettings

log = structlog.get_logger(__name__)

POLL_MILLISECONDS = 500
LOOK_SECONDS = 1.0
LAG_SECONDS = 5.0
LAG_ANSWER_MILLISECONDS = 2000
BACK_OFF_SECONDS = 1.0
# What was paused at the limit goes on at this share of it.
RELIEVED = 0.8

Polled = Mapping[TopicPartition, Sequence[Record]]


@dataclass(frozen=True)
class Parts:
    """What a consumer works with. `intake` stores a poll's records and gives those refused; both it
    and `queue_depth`, how many runs wait, raise StoreUnavailable. Above `max_queue_depth` it waits.
    `beat` is called at every turn.
    """

    intake: Callable[[Sequence[Record]], Sequence[Refusal]]
    queue_depth: Callable[[], int]
    dead_letters: DeadLetters
    max_queue_depth: int
    metrics: Metrics = field(default_factory=Metrics)
    beat: Callable[[], None] = lambda: None


class TriggerConsumer:
    """The loop around a client of the group; all of it on one thread."""

    def __init__(self, client: KafkaConsumer, parts: Parts) -> None:
        self._client = client
        self._parts = parts
        self._paused_for = ""
        self._next_look = 0.0
        self._next_lag = 0.0

    def run(self, stop: threading.Event) -> None:
        """Take records until asked to stop; raises DeadLetterLost rather than lose one."""
        while not stop.is_set():
            began = time.monotonic()
            self._parts.beat()
            self._mind_the_store()
            polled = self._poll(stop)
            if polled:
                self._take(polled)
            self._measure_lag()
            if self._paused_for:
                self._parts.metrics.note_paused(time.monotonic() - began)

    def _poll(self, stop: threading.Event) -> Polled:
        try:
            polled: Polled = self._client.poll(timeout_ms=POLL_MILLISECONDS)
        except KafkaError as error:
            log.warning("the broker doesn't answer", action="broker_away", reason=str(error))
            stop.wait(BACK_OFF_SECONDS)
            return {}
        return polled

    def _take(self, polled: Polled) -> None:
        records = [record for of_partition in polled.values() for record in of_partition]
        try:
            refusals = self._parts.intake(records)
        except (StoreUnavailable, SchemaRegistryUnavailable) as error:
            self._step_back(polled, str(error))
            return
        self._parts.metrics.note_stored(records, refusals)
        for refusal in refusals:
            self._parts.dead_letters.send(refusal.record, refusal.error)
        self._commit(polled)

    def _step_back(self, polled: Polled, reason: str) -> None:
        """Nothing was stored: read the same again, a little later."""
        mine = self._client.assignment()
        for partition, records in polled.items():
            if partition in mine:
                self._client.seek(partition, records[0].offset)
        self._pause(reason)
        self._next_look = time.monotonic() + LOOK_SECONDS

    def _commit(self, polled: Polled) -> None:
        """A commit that fails costs nothing: what is read again is taken once."""
        offsets = {
            partition: OffsetAndMetadata(records[-1].offset + 1, "", -1)
            for partition, records in polled.items()
        }
        try:
            self._client.commit(offsets)
        except KafkaError as error:
            log.warning("offsets not committed", action="not_committed", reason=str(error))

    def _measure_lag(self) -> None:
        """Ask the brokers where the partitions end: one that is paused isn't told otherwise."""
        if time.monotonic() < self._next_lag:
            return
        self._next_lag = time.monotonic() + LAG_SECONDS
        try:
            ends = self._client.end_offsets(self._client.assignment(), LAG_ANSWER_MILLISECONDS)
            at = {each: self._client.position(each, LAG_ANSWER_MILLISECONDS) for each in ends}
        except KafkaError as error:
            log.warning("the lag isn't known", action="lag_unknown", reason=str(error))
        else:
            known = {each: end - at[each] for each, end in ends.items() if at[each] is not None}
            self._parts.metrics.note_lag(known)

    def _mind_the_store(self) -> None:
        """Hold back while the store is away or too many runs wait; go on when that is over."""
        if time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + LOOK_SECONDS
            reason = self._find_reason_to_pause()
            if reason and reason != self._paused_for:
                self._pause(reason)
            elif self._paused_for and not reason:
                self._resume()
        if self._paused_for:
            # A rebalance may have brought partitions that are not paused yet.
            self._client.pause(*self._client.assignment())

    def _find_reason_to_pause(self) -> str:
        try:
            depth = self._parts.queue_depth()
        except StoreUnavailable:
            return "the store is away"
        limit = self._parts.max_queue_depth * (RELIEVED if self._paused_for else 1)
        return "too many runs wait" if depth > limit else ""

    def _pause(self, reason: str) -> None:
        self._paused_for = reason
        self._client.pause(*self._client.assignment())
        log.warning("the consumer holds back", action="paused", reason=reason)

    def _resume(self) -> None:
        self._paused_for = ""
        self._client.resume(*self._client.paused())
        log.info("the consumer goes on", action="resumed")


def build_client(config: Mapping[str, Any], settings: KafkaSettings) -> KafkaConsumer:
    """Join the group; under a name of its own a member keeps its partitions over a start."""
    return KafkaConsumer(
        settings.triggers_topic,
        *(settings.changes_topics.split(",") if settings.changes_topics else ()),
        **config,
        group_id=settings.group,
        group_instance_id=settings.member,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_poll_records=500,
    )
