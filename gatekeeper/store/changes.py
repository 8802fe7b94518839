"""Change events of watched tables, gathered until their gate is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Row, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from gatekeeper.domain.watch import Span, TableChange, Watch, find_span, join
from gatekeeper.store.engine import Transaction
from gatekeeper.store.tables import gates, gathered_changes, warehouses

# Any number does, as long as nothing else in the store takes an advisory lock of the same.
GATHER_LOCK = 7_346_295

# The store's own clock, so that processes on several machines agree.
now = func.clock_timestamp()


@dataclass(frozen=True)
class WatchedTable:
    """A table whose change events a gate waits for; `source` is its whole name in them."""

    gate_id: int
    source: str
    watch: Watch


@dataclass(frozen=True)
class Gathered:
    """What changed of a gate's table: the span, told by a column, or None for all of it."""

    gate_id: int
    column: str | None
    span: Span | None
    changes: int
    due_at: datetime


def load_watched_tables(tx: Transaction) -> list[WatchedTable]:
    """Load the tables whose change events count."""
    rows = tx.execute(
        select(gates.c.id, gates.c.table_name, gates.c.watch, warehouses.c.connection)
        .join(warehouses, warehouses.c.id == gates.c.warehouse_id)
        .where(gates.c.retired_at.is_(None), gates.c.watch["window_seconds"].as_integer() > 0)
    )
    return [WatchedTable(row.id, _source(row), Watch(**row.watch)) for row in rows]


def _source(row: Row[*tuple[object, ...]]) -> str:
    return row.watch["changes_of"] or f"{row.connection.get('database')}.{row.table_name}"


def gather(tx: Transaction, gate_id: int, watch: Watch, changes: Sequence[TableChange]) -> None:
    """Add changes to those of the gate; the first of them says when it is asked."""
    tx.execute(select(func.pg_advisory_xact_lock(GATHER_LOCK, gate_id)))
    span, earlier = find_span(watch.column, changes), load_gathered(tx, gate_id)
    if earlier is not None:
        span = join(earlier.span, span) if earlier.column == watch.column else None
    values = {
        "column": watch.column,
        "low": span.low if span else None,
        "high": span.high if span else None,
        "changes": gathered_changes.c.changes + len(changes),
    }
    tx.execute(
        insert(gathered_changes)
        .values(
            gate_id=gate_id,
            **{**values, "changes": len(changes)},
            due_at=now + func.make_interval(0, 0, 0, 0, 0, 0, watch.window_seconds),
        )
        .on_conflict_do_update(index_elements=["gate_id"], set_=values)
    )


def load_gathered(tx: Transaction, gate_id: int) -> Gathered | None:
    """Load what changed of the gate's table and wasn't asked about yet."""
    mine = gathered_changes.c.gate_id == gate_id
    row = tx.execute(select(gathered_changes).where(mine)).one_or_none()
    return _gathered(row) if row else None


def take_gathered(tx: Transaction) -> Gathered | None:
    """Take the changes of a gate whose window is over; None where no other is."""
    due = (
        select(gathered_changes.c.gate_id)
        .join(gates, gates.c.id == gathered_changes.c.gate_id)
        .where(gathered_changes.c.due_at <= now, gates.c.retired_at.is_(None))
        .order_by(gathered_changes.c.due_at)
        .limit(1)
        .with_for_update(of=gathered_changes, skip_locked=True)
        .scalar_subquery()
    )
    taken = delete(gathered_changes).where(gathered_changes.c.gate_id == due)
    row = tx.execute(taken.returning(gathered_changes)).one_or_none()
    return _gathered(row) if row else None


def _gathered(row: Row[*tuple[object, ...]]) -> Gathered:
    span = None if row.low is None else Span(row.low, row.high)
    return Gathered(row.gate_id, row.column, span, row.changes, row.due_at)
