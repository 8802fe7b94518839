"""Finding what a crash left behind: nothing that was accepted may wait for ever.

The queue retries nothing by itself. A job is taken from a worker that stopped beating, or that
still holds it long after its run ended or should have; a run that no job carries gets a new one.
Doing so to a run that lives is harmless: only the newest attempt's token may conclude it.
"""

from __future__ import annotations

import asyncio

import structlog

from gatekeeper.domain.batch import parse_batch
from gatekeeper.domain.errors import StoreUnavailable
from gatekeeper.domain.fleet import DEFAULT_POOL
from gatekeeper.domain.run import Purpose, RunId
from gatekeeper.queue.jobs import RUN_QUEUE, Queue, RunJob, driver_connection
from gatekeeper.queue.worker import STALLED_SECONDS
from gatekeeper.store.engine import Store, Transaction
from gatekeeper.store.requests import set_jobs

log = structlog.get_logger(__name__)

EVERY_SECONDS = 3.0
GRACE_SECONDS = 60.0

_RETRY_STALLED_JOBS = """
select procrastinate_retry_job_v2(stalled.id, now(), null, null, null), stalled.id
from (
    select job.id
    from procrastinate_jobs job
    left join procrastinate_workers worker on worker.id = job.worker_id
    left join runs run on run.job_id = job.id
    where job.status = 'doing' and (
        worker.id is null
        or worker.last_heartbeat < now() - make_interval(secs => %(stalled)s)
        or coalesce(run.finished_at, run.deadline_at) < now() - make_interval(secs => %(grace)s)
    )
    for update of job skip locked
) stalled
"""

_RUNS_WITHOUT_JOB = """
select run.id, run.gate_id, run.batch, run.purpose, coalesce(gate.pool, warehouse.pool, %(pool)s)
from runs run
join gates gate on gate.id = run.gate_id
join warehouses warehouse on warehouse.id = gate.warehouse_id
left join procrastinate_jobs job on job.id = run.job_id
where run.state in ('queued', 'running')
  and (job.id is null or job.status not in ('todo', 'doing'))
for update of run skip locked
"""


# A gate that is given to another pool takes along what waits.
_MOVE_JOBS = """
update procrastinate_jobs job
set queue_name = placed.queue
from (
    select run.job_id, case coalesce(gate.pool, warehouse.pool, %(default)s)
        when %(default)s then %(queue)s
        else %(queue)s || '.' || coalesce(gate.pool, warehouse.pool)
    end as queue
    from runs run
    join gates gate on gate.id = run.gate_id
    join warehouses warehouse on warehouse.id = gate.warehouse_id
    where run.state = 'queued'
) placed
where job.id = placed.job_id and job.status = 'todo' and job.queue_name <> placed.queue
returning job.id
"""


def recover(store: Store, queue: Queue) -> None:
    """Put back on the queue whatever nobody works on any more, and where it would be taken."""
    with store.transaction() as tx:
        for job_id in _retry_stalled_jobs(tx):
            log.warning("a stalled job was put back", action="job_recovered", job_id=job_id)
        for job_id in _move_jobs(tx):
            log.info("a job went to another pool", action="job_moved", job_id=job_id)
        for run_id in _requeue_lost_runs(tx, queue):
            log.warning("a lost run was put back", action="run_recovered", run_id=str(run_id))


def _retry_stalled_jobs(tx: Transaction) -> list[int]:
    limits = {"stalled": STALLED_SECONDS, "grace": GRACE_SECONDS}
    rows = driver_connection(tx).execute(_RETRY_STALLED_JOBS, limits).fetchall()
    return [job_id for _, job_id in rows]


def _move_jobs(tx: Transaction) -> list[int]:
    words = {"default": DEFAULT_POOL, "queue": RUN_QUEUE}
    return [job_id for (job_id,) in driver_connection(tx).execute(_MOVE_JOBS, words).fetchall()]


def _requeue_lost_runs(tx: Transaction, queue: Queue) -> list[RunId]:
    lost = driver_connection(tx).execute(_RUNS_WITHOUT_JOB, {"pool": DEFAULT_POOL}).fetchall()
    for run_id, gate_id, wire, purpose, pool in lost:
        batch = parse_batch(wire) if wire else None
        job = RunJob(run_id, gate_id, batch, pool, Purpose(purpose))
        set_jobs(tx, queue.defer_runs(tx, [job]))
    return [RunId(run_id) for run_id, *_ in lost]


async def recover_for_ever(store: Store, queue: Queue) -> None:
    """Recover every few seconds; a store that is away is waited for."""
    while True:
        try:
            await asyncio.to_thread(recover, store, queue)
        except StoreUnavailable:
            log.warning("recovery waits for the store", action="recovery_waits")
        await asyncio.sleep(EVERY_SECONDS)
