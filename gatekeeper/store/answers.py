"""The answers that are owed for finished runs, written with their verdicts, and given later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import func, insert, select, text, update

from gatekeeper.domain.run import RunId
from gatekeeper.store.engine import Transaction
from gatekeeper.store.tables import acknowledgements, requests, runs

ACKNOWLEDGED = "stringx_acknowledged"
"""The NOTIFY channel on which a run's id goes out once its verdict can be read."""

# Any numbers do, as long as nothing else in the store takes an advisory lock of the same.
PUBLISHER_LOCK = 7_346_293
ORDER_LOCK = 7_346_294

# The store's own clock, so that processes on several machines agree.
now = func.clock_timestamp()


class Channel(StrEnum):
    """Where an answer goes."""

    HTTP = "http"
    KAFKA = "kafka"
    CALLBACK = "callback"


@dataclass(frozen=True)
class Owed:
    """An answer that is owed for a run."""

    run_id: RunId
    gate_id: int
    channel: Channel


def owe_answers(tx: Transaction, owed: Sequence[Owed]) -> None:
    """Note which answers are owed. Those of one gate are noted one after another, so that the order
    in which its runs were over is the order in which they go out.
    """
    # In an order, so that two who note for several gates don't wait for each other.
    for gate_id in sorted({each.gate_id for each in owed}):
        tx.execute(select(func.pg_advisory_xact_lock(ORDER_LOCK, gate_id)))
    rows = [
        {
            "run_id": each.run_id,
            "channel": each.channel.value,
            "due_at": now if each.channel is Channel.CALLBACK else None,
        }
        for each in owed
    ]
    if rows:
        tx.execute(insert(acknowledgements).values(rows))


def acknowledge_http(tx: Transaction, run_id: RunId) -> None:
    """Wake whoever waits for the run's verdict, and note when; the second time changes nothing."""
    tx.execute(
        text("select pg_notify(:channel, :run_id)"),
        {"channel": ACKNOWLEDGED, "run_id": str(run_id)},
    )
    note_given(tx, Channel.HTTP, [run_id])


def lock_publishing(tx: Transaction) -> bool:
    """Become the one that publishes, until the transaction ends; False where another is."""
    return bool(tx.execute(select(func.pg_try_advisory_xact_lock(PUBLISHER_LOCK))).scalar())


def load_owed(tx: Transaction, channel: Channel, limit: int) -> list[tuple[RunId, str | None]]:
    """Load the runs whose answer is owed there, the earliest verdict first, each with what its
    asker called the request.
    """
    owed = (
        acknowledgements.c.channel == channel.value,
        acknowledgements.c.acknowledged_at.is_(None),
    )
    rows = tx.execute(
        select(acknowledgements.c.run_id, requests.c.idempotency_key)
        .join(runs, runs.c.id == acknowledgements.c.run_id)
        .join(requests, requests.c.id == runs.c.request_id)
        .where(*owed)
        .order_by(acknowledgements.c.position)
        .limit(limit)
    )
    return [(RunId(row.run_id), row.idempotency_key) for row in rows]


def note_given(tx: Transaction, channel: Channel, run_ids: Sequence[RunId]) -> None:
    """Note that the answers were given; one that was given before keeps its time."""
    given = (acknowledgements.c.channel == channel.value, acknowledgements.c.run_id.in_(run_ids))
    tx.execute(
        update(acknowledgements)
        .where(*given, acknowledgements.c.acknowledged_at.is_(None))
        .values(acknowledged_at=now)
    )
