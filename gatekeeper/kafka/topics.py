"""Making StringX's own topics, where the brokers don't make one for whoever asks."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from typing import Any

from kafka import KafkaAdminClient

from gatekeeper.settings import KafkaSettings


def make_topics(config: Mapping[str, Any], settings: KafkaSettings) -> list[str]:
    """Make those that aren't there, with the brokers' own defaults; gives their names."""
    wanted = {settings.triggers_topic, settings.results_topic, settings.dead_letters_topic}
    with closing(KafkaAdminClient(**config)) as admin:
        missing = sorted(wanted.difference(admin.list_topics()))
        if missing:
            admin.create_topics(missing, wait_for_metadata=True)
    return missing
