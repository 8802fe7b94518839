"""When gates with a cron expression are due."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from gatekeeper.store.engine import Transaction
from gatekeeper.store.tables import gates, schedules

# The store's own clock, so that processes on several machines agree.
now = func.clock_timestamp()

FindNext = Callable[[str, datetime], datetime]
"""Gives the first time of a cron expression after another."""


def set_schedules(tx: Transaction, find_next: FindNext) -> None:
    """Give every gate whose cron expression is new the time when it is due."""
    changed = (
        select(gates.c.id, gates.c.cron, now.label("now"))
        .outerjoin(schedules, schedules.c.gate_id == gates.c.id)
        .where(gates.c.cron.is_not(None), gates.c.cron.is_distinct_from(schedules.c.cron))
    )
    for row in tx.execute(changed).all():
        values = {"cron": row.cron, "due_at": find_next(row.cron, row.now)}
        statement = insert(schedules).values(gate_id=row.id, **values)
        tx.execute(statement.on_conflict_do_update(index_elements=["gate_id"], set_=values))


def load_due_time(tx: Transaction, gate_id: int) -> datetime | None:
    """Load when the gate is due next; None without a schedule."""
    kept = (schedules.c.gate_id == gate_id, schedules.c.cron == gates.c.cron)
    wanted = select(schedules.c.due_at).join(gates, gates.c.id == schedules.c.gate_id)
    found: datetime | None = tx.execute(wanted.where(*kept)).scalar()
    return found


def take_due_gate(tx: Transaction, find_next: FindNext) -> int | None:
    """Take a gate that is due, which isn't before the next time from now on; None where none is.
    However many times went by while nobody took it, it is due once.
    """
    due = (
        select(schedules.c.gate_id, schedules.c.cron, schedules.c.due_at, now.label("now"))
        .join(gates, gates.c.id == schedules.c.gate_id)
        .where(schedules.c.due_at <= now, schedules.c.cron == gates.c.cron)
        .where(gates.c.retired_at.is_(None))
        .order_by(schedules.c.due_at)
        .limit(1)
        .with_for_update(of=schedules, skip_locked=True)
    )
    row = tx.execute(due).one_or_none()
    if row is None:
        return None
    next_time = find_next(row.cron, max(row.due_at, row.now))
    tx.execute(
        schedules.update().where(schedules.c.gate_id == row.gate_id).values(due_at=next_time)
    )
    return int(row.gate_id)
