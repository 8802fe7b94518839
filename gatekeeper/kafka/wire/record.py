"""What a record may come to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

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
    request_id: str | None = None
    correlation_id: str | None = None
    callback_url: str | None = None


@dataclass(frozen=True)
class TableChange:
    """A row of a table was written or deleted, or (without values) rows that aren't told.

    The names are the source database's own; `schema` is None where it has none, as in MySQL.
    `values` are the row's by column: as it is now, or as it was before it was deleted.
    """

    database: str
    schema: str | None
    table: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Ignored:
    """A record that rightly asks nothing; `reason` says why."""

    reason: str
