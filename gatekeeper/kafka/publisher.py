"""The publisher: results go out in the order of their gate's verdicts, at least once, each with an
id that stays the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import structlog
from kafka.errors import KafkaError

from gatekeeper.contracts.result import ResultMessage, encode_json
from gatekeeper.domain.errors import SchemaRegistryUnavailable, StoreUnavailable
from gatekeeper.domain.run import RunId
from gatekeeper.kafka.client import PRODUCE_SECONDS, BrokersUnreachable
from gatekeeper.kafka.wire.result import render_result
from gatekeeper.store.answers import Channel, load_owed, lock_publishing, note_given
from gatekeeper.store.engine import Store
from gatekeeper.store.runs import load_runs_of

log = structlog.get_logger(__name__)

AT_ONCE = 500
IDLE_SECONDS = 0.2
BACK_OFF_SECONDS = 2.0
AWAY = (StoreUnavailable, KafkaError, BrokersUnreachable, SchemaRegistryUnavailable)


class Publisher:
    """Gives the answers that are owed to Kafka. Of several one publishes; the others stand by.

    The producer is built when it is first needed: the worker that the publisher runs beside has
    more to do than to wait for brokers.
    """

    def __init__(
        self,
        store: Store,
        build_producer: Callable[[], Any],
        topic: str,
        encode: Callable[[ResultMessage], bytes] = encode_json,
    ) -> None:
        self._store = store
        self._build_producer = build_producer
        self._producer: Any = None
        self._topic = topic
        self._encode = encode

    def close(self) -> None:
        """Let go of the brokers."""
        if self._producer is not None:
            self._producer.close()

    def publish(self) -> int:
        """Send what is owed, and note what the brokers have; gives how many that were.

        What was sent and not noted is sent again: with the same id, and in the same order. Raises
        BrokersUnreachable.
        """
        if self._producer is None:
            self._producer = self._build_producer()
        with self._store.transaction() as tx:
            if not lock_publishing(tx):
                return 0
            owed = load_owed(tx, Channel.KAFKA, AT_ONCE)
            runs = load_runs_of(tx, [run_id for run_id, _ in owed])
            sent = [
                (run_id, self._send(*render_result(runs[run_id], asked, self._encode)))
                for run_id, asked in owed
            ]
            given = _wait_for(sent)
            if given:
                note_given(tx, Channel.KAFKA, given)
        if given:
            log.info("results published", action="published", results=len(given))
        return len(given)

    def _send(self, key: bytes, value: bytes, headers: list[tuple[str, bytes]]) -> Any:
        return self._producer.send(self._topic, key=key, value=value, headers=headers)

    async def publish_for_ever(self) -> None:
        """Publish as results come; a store or a broker that is away is waited for."""
        while True:
            try:
                pause = 0 if await asyncio.to_thread(self.publish) else IDLE_SECONDS
            except AWAY as error:
                log.warning("results wait", action="publishing_waits", reason=str(error))
                pause = BACK_OFF_SECONDS
            await asyncio.sleep(pause)


def _wait_for(sent: list[tuple[RunId, Any]]) -> list[RunId]:
    """Give the runs whose results the brokers have, up to the first that they don't."""
    given = []
    for run_id, future in sent:
        try:
            future.get(timeout=PRODUCE_SECONDS)
        except KafkaError as error:
            log.warning("a result was not taken", action="not_published", reason=str(error))
            break
        given.append(run_id)
    return given
