"""How much waits."""

from __future__ import annotations

from gatekeeper.queue.jobs import RUN_QUEUE, driver_connection
from gatekeeper.store.engine import Store

_WAITING = """
select count(*) from procrastinate_jobs
where status = 'todo' and (queue_name = %(default)s or starts_with(queue_name, %(default)s || '.'))
"""


def count_waiting(store: Store) -> int:
    """Count the runs of all pools that no runner has taken yet; raises StoreUnavailable."""
    with store.transaction() as tx:
        row = driver_connection(tx).execute(_WAITING, {"default": RUN_QUEUE}).fetchone()
    return int(row[0]) if row else 0
