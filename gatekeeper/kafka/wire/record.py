"""What a record may come to."""

from __future__ import annotations

from dataclasses import dataclass

from gatekeeper.domain.batch import Batch


@dataclass(frozen=True)
class WarehouseAddress:
    """A warehouse by where it is, told by one who doesn't know what StringX calls it."""

    host: str
    port: int
    database: str


@dataclass(frozen=True)
class Trigger:
    """A question put to a gate. `warehouse` is its name, where it is, or None where the table's
    name is enough; `request_id` is what the asker calls the question.
    """

    table: str
    warehouse: str | WarehouseAddress | None = None
    batch: Batch | None = None
    rules: tuple[str, ...] | None = None
    request_id: str | None = None
    correlation_id: str | None = None
    callback_url: str | None = None


@dataclass(frozen=True)
class Ignored:
    """A record that rightly asks nothing; `reason` says why."""

    reason: str
