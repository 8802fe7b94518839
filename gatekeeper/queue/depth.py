"""How much waits."""

from __future__ import annotations

from gatekeeper.queue.jobs import RUN_QUEUE, driver_connection
from gatekeeper.store.engine import Store

_WAITING = "select count(*) from procrastinate_jobs where queue_name = %s and status = 'todo'"


def count_waiting(store: Store) -> int:
    """Count the runs that no runner has taken yet; raises StoreUnavailable."""
    with store.transaction() as tx:
        row = driver_connection(tx).execute(_WAITING, [RUN_QUEUE]).fetchone()
    return int(row[0]) if row else 0
