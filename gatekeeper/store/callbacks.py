"""Callbacks that are owed: claimed one by one, each for as long as a call may take."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, func, select, update

from gatekeeper.domain.run import RunId
from gatekeeper.store.answers import Channel
from gatekeeper.store.engine import Transaction
from gatekeeper.store.tables import acknowledgements, requests, runs

# The store's own clock, so that workers on several machines agree.
now = func.clock_timestamp()

CLAIM = timedelta(minutes=2)
"""How long nobody else gives a callback that was claimed; it is due again where its worker died."""


@dataclass(frozen=True)
class DueCallback:
    """A callback to give now. `asked` is what its asker called the request; `attempt` counts the
    claims from 1.
    """

    run_id: RunId
    url: str
    asked: str | None
    attempt: int


def claim_callback(tx: Transaction, host: str) -> DueCallback | None:
    """Claim what has been due at the host for longest, if anything is; others pass it over."""
    owed = acknowledgements.c
    # The transaction's time, which an index can be held to.
    due = (
        select(owed.run_id, requests.c.callback_url, requests.c.idempotency_key)
        .join(runs, runs.c.id == owed.run_id)
        .join(requests, requests.c.id == runs.c.request_id)
        .where(owed.due_at <= func.now(), func.starts_with(requests.c.callback_url, f"{host}/"))
        .order_by(owed.due_at)
        .limit(1)
        .with_for_update(of=acknowledgements, skip_locked=True)
    )
    found = tx.execute(due).one_or_none()
    if found is None:
        return None
    mine = (owed.run_id == found.run_id, owed.channel == Channel.CALLBACK.value)
    claim = update(acknowledgements).where(*mine)
    claimed = tx.execute(
        claim.values(due_at=now + CLAIM, attempts=owed.attempts + 1).returning(owed.attempts)
    ).one()
    return DueCallback(
        RunId(found.run_id), found.callback_url, found.idempotency_key, claimed.attempts
    )


def note_called(tx: Transaction, given: DueCallback) -> None:
    """Note that the callback was given, whoever else has claimed it since."""
    called = update(acknowledgements).where(*_of(given), acknowledgements.c.due_at.is_not(None))
    tx.execute(called.values(acknowledged_at=now, due_at=None, message=""))


def note_failed(
    tx: Transaction, failed: DueCallback, message: str, pause: timedelta | None
) -> None:
    """Note why the callback came to nothing, and when it is due again; without a pause it is given
    up. Where another has claimed it since, that one's word counts.
    """
    owed = acknowledgements.c
    mine = (*_of(failed), owed.attempts == failed.attempt, owed.due_at.is_not(None))
    due_at = None if pause is None else now + pause
    tx.execute(update(acknowledgements).where(*mine).values(due_at=due_at, message=message))


def _of(callback: DueCallback) -> tuple[ColumnElement[bool], ...]:
    owed = acknowledgements.c
    return owed.run_id == callback.run_id, owed.channel == Channel.CALLBACK.value
