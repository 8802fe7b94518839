"""The wire forms: a record becomes what it asks, a run becomes a record. No broker here."""

from __future__ import annotations

from gatekeeper.kafka.wire.dead_letter import render_dead_letter_headers
from gatekeeper.kafka.wire.read import read_record
from gatekeeper.kafka.wire.record import Ignored, Trigger, WarehouseAddress
from gatekeeper.kafka.wire.registry import Registry
from gatekeeper.kafka.wire.result import render_result

__all__ = [
    "Ignored",
    "Registry",
    "Trigger",
    "WarehouseAddress",
    "read_record",
    "render_dead_letter_headers",
    "render_result",
]
