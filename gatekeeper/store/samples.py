"""Samples of failing rows: kept with the results of their run, and gone before them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, insert, select

from gatekeeper.domain.run import RunId
from gatekeeper.domain.samples import Sample
from gatekeeper.domain.verdict import Check
from gatekeeper.store.engine import Transaction
from gatekeeper.store.tables import samples

now = func.clock_timestamp()


@dataclass(frozen=True)
class StoredSamples:
    """What is kept of a check's failing rows, and until when."""

    rule: str
    rows: Sequence[Sample]
    expires_at: datetime


def save_samples(tx: Transaction, run_id: RunId, checks: Sequence[Check], keep_hours: int) -> None:
    """Keep the samples of a run that is being concluded for so many hours."""
    taken = [check.measurement for check in checks if check.measurement.samples]
    if taken:
        tx.execute(
            insert(samples).values(expires_at=now + timedelta(hours=keep_hours)),
            [
                {"run_id": run_id, "rule": each.rule, "rows": [dict(row) for row in each.samples]}
                for each in taken
            ],
        )


def load_samples(tx: Transaction, run_id: RunId) -> list[StoredSamples]:
    """Load what is left of a run's samples, by rule."""
    wanted = select(samples).where(samples.c.run_id == run_id, samples.c.expires_at > now)
    return [
        StoredSamples(row.rule, row.rows, row.expires_at)
        for row in tx.execute(wanted.order_by(samples.c.rule))
    ]


def forget_samples(tx: Transaction) -> int:
    """Delete the samples whose time is over; gives of how many checks they were."""
    return tx.execute(delete(samples).where(samples.c.expires_at <= now)).rowcount
