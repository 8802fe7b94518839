"""How far gates that look at their tables have seen them, and when they look again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, null, select, update
from sqlalchemy.dialects.postgresql import insert

from gatekeeper.domain.gate import Mode
from gatekeeper.store.engine import Transaction
from gatekeeper.store.tables import gates, looks

# The store's own clock, so that processes on several machines agree.
now = func.clock_timestamp()

_EVERY_SECONDS = gates.c.watch["every_seconds"].as_integer()
_COLUMN = gates.c.watch["column"].as_string()


@dataclass(frozen=True)
class Look:
    """How far a table was seen: `seen` is the greatest value that a run was asked for, in its
    written form. `trouble` says why the last look saw nothing.
    """

    column: str
    seen: str | None
    trouble: str
    looked_at: datetime | None
    due_at: datetime


def claim_looks(tx: Transaction) -> list[int]:
    """Give the gates that are to look now. Until one has, it is due again only after the time that
    a look may take.
    """
    _begin_looks(tx)
    due = (
        select(looks.c.gate_id)
        .join(gates, gates.c.id == looks.c.gate_id)
        .where(looks.c.due_at <= now, *_looking())
        .with_for_update(of=looks, skip_locked=True)
    )
    claimed = (
        update(looks)
        .where(looks.c.gate_id.in_(due), gates.c.id == looks.c.gate_id)
        .values(due_at=_in_seconds(_EVERY_SECONDS + gates.c.deadline_seconds))
        .returning(looks.c.gate_id)
    )
    return list(tx.execute(claimed).scalars())


def _begin_looks(tx: Transaction) -> None:
    """What was seen of one column says nothing of another."""
    unknown = (
        select(gates.c.id, _COLUMN, now)
        .outerjoin(looks, looks.c.gate_id == gates.c.id)
        .where(*_looking(), looks.c.column.is_distinct_from(_COLUMN))
    )
    statement = insert(looks).from_select(["gate_id", "column", "due_at"], unknown)
    anew = {"column": statement.excluded.column, "seen": null(), "due_at": now}
    tx.execute(statement.on_conflict_do_update(index_elements=["gate_id"], set_=anew))


def load_look(tx: Transaction, gate_id: int) -> Look | None:
    """Load how far the gate's table was seen; None where it isn't to be looked at."""
    mine = (looks.c.gate_id == gate_id, *_looking(), looks.c.column == _COLUMN)
    wanted = select(looks).join(gates, gates.c.id == looks.c.gate_id).where(*mine)
    row = tx.execute(wanted).one_or_none()
    return Look(row.column, row.seen, row.trouble, row.looked_at, row.due_at) if row else None


def note_look(tx: Transaction, gate_id: int, look: Look, seen: str | None, trouble: str) -> bool:
    """Note that it was looked, beginning at `look`; False where another look was quicker."""
    noted = (
        update(looks)
        .where(
            looks.c.gate_id == gate_id,
            looks.c.column == look.column,
            looks.c.seen.is_not_distinct_from(look.seen),
            gates.c.id == looks.c.gate_id,
        )
        .values(
            seen=look.seen if seen is None else seen,
            trouble=trouble,
            looked_at=now,
            due_at=_in_seconds(func.coalesce(_EVERY_SECONDS, 0)),
        )
    )
    return bool(tx.execute(noted).rowcount)


def _looking() -> tuple[ColumnElement[bool], ...]:
    return (
        gates.c.retired_at.is_(None),
        gates.c.mode != Mode.OFF.value,
        _EVERY_SECONDS > 0,
    )


def _in_seconds(seconds: ColumnElement[int]) -> ColumnElement[datetime]:
    return now + func.make_interval(0, 0, 0, 0, 0, 0, seconds)
