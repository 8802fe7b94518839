"""Runners, as they were last heard of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from uuid import UUID

from sqlalchemy import case, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from gatekeeper.domain.fleet import LaneState, Runner, RunnerState
from gatekeeper.store.engine import Transaction
from gatekeeper.store.tables import runners

LOST_SECONDS = 15
FORGOTTEN_HOURS = 24

# The store's own clock, so that runners on several machines agree.
now = func.clock_timestamp()


def save_beat(
    tx: Transaction,
    runner_id: UUID,
    host: str,
    pid: int,
    version: str,
    pools: Sequence[str],
    state: RunnerState,
    mebibytes: int,
    lanes: Sequence[LaneState],
) -> None:
    """Note that a runner is there, and what it is at."""
    told = {
        "state": state.value,
        "mebibytes": mebibytes,
        "lanes": [asdict(lane) for lane in lanes],
        "beat_at": now,
    }
    statement = insert(runners).values(
        id=runner_id, host=host, pid=pid, version=version, pools=list(pools), started_at=now, **told
    )
    tx.execute(statement.on_conflict_do_update(index_elements=["id"], set_=told))


def delete_runner(tx: Transaction, runner_id: UUID) -> None:
    """Forget a runner that has left."""
    tx.execute(delete(runners).where(runners.c.id == runner_id))


def forget_lost_runners(tx: Transaction) -> None:
    """Forget those that were not heard of for a day."""
    long_ago = now - func.make_interval(0, 0, 0, 0, FORGOTTEN_HOURS)
    tx.execute(delete(runners).where(runners.c.beat_at < long_ago))


def load_runners(tx: Transaction) -> list[Runner]:
    """Load every runner, the latest to join first."""
    silent = runners.c.beat_at < now - func.make_interval(0, 0, 0, 0, 0, 0, LOST_SECONDS)
    state = case((silent, RunnerState.LOST.value), else_=runners.c.state)
    rows = tx.execute(
        select(runners, state.label("seen")).order_by(runners.c.started_at.desc(), runners.c.id)
    )
    return [
        Runner(
            id=row.id,
            host=row.host,
            pid=row.pid,
            version=row.version,
            pools=row.pools,
            state=RunnerState(row.seen),
            mebibytes=row.mebibytes,
            lanes=[LaneState(**lane) for lane in row.lanes],
            started_at=row.started_at,
            beat_at=row.beat_at,
        )
        for row in rows
    ]
