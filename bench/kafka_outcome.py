"""Reading what came of triggers: from the topics and from the store, and when all is over."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from kafka import KafkaConsumer, TopicPartition

from bench.kafka_traffic import CameOut, Judged, Told

_RUNS = """
select idempotency_key, state, verdict, attempts
from requests left join runs on runs.request_id = requests.id
"""
_UNDER_WAY = """
select (select count(*) from runs where state in ('queued', 'running'))
    + (select count(*) from acknowledgements where acknowledged_at is null)
"""


@dataclass(frozen=True)
class Topics:
    """The topics as their settings name them, and the consumers' group."""

    bootstrap: str
    triggers: str = "stringx.triggers"
    results: str = "stringx.results"
    dead_letters: str = "stringx.triggers.dlq"
    group: str = "stringx"

    def count(self) -> tuple[int, int]:
        """Give how many triggers there are, and how many of them are committed."""
        with self._reader(self.triggers, group_id=self.group) as (reader, partitions):
            ends = reader.end_offsets(partitions)
            return sum(ends.values()), sum(reader.committed(each) or 0 for each in partitions)

    def read(self, topic: str) -> list[Any]:
        """Give the records of a topic, up to its end as it is now."""
        records: list[Any] = []
        with self._reader(topic, auto_offset_reset="earliest") as (reader, partitions):
            reader.assign(partitions)
            ends = reader.end_offsets(partitions)
            while any(reader.position(each) < ends[each] for each in partitions):
                records += [each for of in reader.poll(timeout_ms=200).values() for each in of]
        return records

    @contextmanager
    def _reader(
        self, topic: str, **config: Any
    ) -> Iterator[tuple[KafkaConsumer, list[TopicPartition]]]:
        config |= {"bootstrap_servers": self.bootstrap, "enable_auto_commit": False}
        with closing(KafkaConsumer(**config)) as reader:
            numbers = reader.partitions_for_topic(topic)
            yield reader, [TopicPartition(topic, number) for number in sorted(numbers)]


def is_over(store_url: str, topics: Topics) -> bool:
    """Whether every trigger was taken, no run waits for its verdict and nobody for an answer."""
    records, committed = topics.count()
    with psycopg.connect(store_url) as store:
        return records == committed and store.execute(_UNDER_WAY).fetchone() == (0,)


def read_outcome(store_url: str, topics: Topics) -> CameOut:
    """Read all that came out."""
    records, committed = topics.count()
    runs, told = defaultdict(list), defaultdict(list)
    with psycopg.connect(store_url) as store:
        for request_id, *run in store.execute(_RUNS):
            runs[request_id].append(Judged(*run))
    for record in topics.read(topics.results):
        body = json.loads(record.value)
        message = Told(body["message_id"], body["run_id"], body["verdict"])
        told[body["request_id"]].append(message)
    letters = [record.value for record in topics.read(topics.dead_letters)]
    return CameOut(records, committed, runs, told, letters)
