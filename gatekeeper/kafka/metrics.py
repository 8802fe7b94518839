"""What a consumer counts, for Prometheus to scrape."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from kafka import TopicPartition
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from gatekeeper.domain.errors import InvalidConfiguration, Problem
from gatekeeper.kafka.dead_letters import Record
from gatekeeper.kafka.intake import Refusal

BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 3600)


class Metrics:
    """The metrics of one consumer, all of which begin with stringx_consumer_."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        prefix = "stringx_consumer"
        self._taken = Counter(
            f"{prefix}_records_taken", "Records that were taken", registry=self._registry
        )
        self._refused = Counter(
            f"{prefix}_records_refused",
            "Records that became dead letters, by the kind of reason",
            ["reason"],
            registry=self._registry,
        )
        self._lag = Gauge(
            f"{prefix}_lag",
            "Records of a partition that were not taken yet",
            ["topic", "partition"],
            registry=self._registry,
        )
        self._partitions: set[TopicPartition] = set()
        self._paused = Counter(
            f"{prefix}_paused_seconds", "Seconds held back", registry=self._registry
        )
        self._to_stored = Histogram(
            f"{prefix}_record_to_stored_seconds",
            "Seconds from a record's own time until what it asks was stored",
            buckets=BUCKETS,
            registry=self._registry,
        )

    def serve(self, host: str, port: int) -> None:
        """Answer whoever scrapes, from a thread; raises InvalidConfiguration."""
        try:
            start_http_server(port, host, self._registry)
        except OSError as error:
            reason = f"can't listen on {host}:{port} ({error.strerror}); choose another"
            raise InvalidConfiguration([Problem("STRINGX_KAFKA_METRICS_PORT", reason)]) from None

    def note_stored(self, records: Sequence[Record], refusals: Sequence[Refusal]) -> None:
        """Count the records of a poll right after it was stored."""
        now = time.time()
        for refusal in refusals:
            self._refused.labels(type(refusal.error).__name__).inc()
        refused = {_place(each.record) for each in refusals}
        taken = [each for each in records if _place(each) not in refused]
        self._taken.inc(len(taken))
        for record in taken:
            # The clocks of two machines may differ.
            self._to_stored.observe(max(0.0, now - record.timestamp / 1000))

    def note_lag(self, lag: Mapping[TopicPartition, int]) -> None:
        """Note how many records wait in each partition; one that isn't named is another's now."""
        for partition in self._partitions - lag.keys():
            self._lag.remove(partition.topic, partition.partition)
        for partition, records in lag.items():
            self._lag.labels(partition.topic, partition.partition).set(records)
        self._partitions = set(lag)

    def note_paused(self, seconds: float) -> None:
        """Count time in which nothing was taken on purpose."""
        self._paused.inc(seconds)


def _place(record: Record) -> tuple[str, int, int]:
    return record.topic, record.partition, record.offset
