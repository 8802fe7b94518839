"""From the records of a poll to requests in the store."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from gatekeeper import flow, watching
from gatekeeper.contracts.callback_url import check_callback
from gatekeeper.domain.errors import GatekeeperError, InvalidRequest
from gatekeeper.domain.gate import Warehouse
from gatekeeper.domain.run import Origin, Request
from gatekeeper.domain.run import Trigger as AskedBy
from gatekeeper.domain.watch import TableChange
from gatekeeper.kafka.dead_letters import Record
from gatekeeper.kafka.wire import Ignored, Trigger, WarehouseAddress, read_record
from gatekeeper.queue.jobs import Queue
from gatekeeper.store.engine import Store
from gatekeeper.store.gates import load_warehouses

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Refusal:
    """A record that can't be taken, and why."""

    record: Record
    error: GatekeeperError


class Intake:
    """Takes the records of a poll, all in one transaction. `callback_hosts` are those that may be
    called back.
    """

    def __init__(
        self,
        store: Store,
        queue: Queue,
        decode_avro: Callable[[bytes], Any] | None = None,
        callback_hosts: Collection[str] = (),
    ) -> None:
        self._store = store
        self._queue = queue
        self._decode_avro = decode_avro
        self._callback_hosts = callback_hosts
        self._unwatched: set[str] = set()

    def __call__(self, records: Sequence[Record]) -> list[Refusal]:
        """Store what the records ask; gives those that can't be taken.

        Raises StoreUnavailable: then none was taken.
        """
        refusals: list[Refusal] = []
        asked: list[tuple[Record, Request]] = []
        changes: list[TableChange] = []
        find_warehouse = _Addresses(self._store)
        for record in records:
            try:
                match self._read(record):
                    case Trigger() as trigger:
                        check_callback(trigger.callback_url, self._callback_hosts)
                        asked.append((record, _build_request(trigger, record, find_warehouse)))
                    case TableChange() as change:
                        changes.append(change)
            except InvalidRequest as error:
                refusals.append(Refusal(record, error))
        if changes:
            self._warn_of_unwatched(watching.gather_changes(self._store, changes))
        answers = flow.receive_many(self._store, self._queue, [request for _, request in asked])
        return refusals + [
            Refusal(record, refused)
            for (record, _), refused in zip(asked, answers, strict=True)
            if refused is not None
        ]

    def _read(self, record: Record) -> Trigger | TableChange | Ignored:
        return read_record(record.value, record.key, record.headers, self._decode_avro)

    def _warn_of_unwatched(self, changes: Sequence[TableChange]) -> None:
        """Say once of each table that no gate watches it: a whole database's changes may come."""
        for source in sorted({change.source for change in changes} - self._unwatched):
            self._unwatched.add(source)
            log.warning("no gate watches this table", action="unwatched", table=source)


def _build_request(trigger: Trigger, record: Record, find_warehouse: _Addresses) -> Request:
    warehouse = trigger.warehouse
    if isinstance(warehouse, WarehouseAddress):
        warehouse = find_warehouse(warehouse)
    return Request(
        table=trigger.table,
        trigger=AskedBy.KAFKA,
        warehouse=warehouse,
        batch=trigger.batch,
        rules=trigger.rules,
        correlation_id=trigger.correlation_id,
        callback_url=trigger.callback_url,
        idempotency_key=trigger.request_id,
        origin=Origin(record.topic, record.partition, record.offset),
    )


class _Addresses:
    """Finds warehouses by where they are; they are loaded once, when the first is asked for."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: list[Warehouse] | None = None

    def __call__(self, address: WarehouseAddress) -> str:
        if self._known is None:
            with self._store.transaction() as tx:
                self._known = load_warehouses(tx)
        for warehouse in self._known:
            place = warehouse.connection
            if (place.get("host"), place.get("port"), place.get("database")) == (
                address.host,
                address.port,
                address.database,
            ):
                return warehouse.name
        where = f"{address.host}:{address.port}/{address.database}"
        raise InvalidRequest("dataset", f"no warehouse is known at {where}")
