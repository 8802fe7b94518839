"""A runner whose warehouse answers at once: what is left is the store's work for each run.

`python -m bench.instant_runner CONNINFO CONCURRENCY`.
"""

from __future__ import annotations

import sys
from functools import partial

from gatekeeper import flow
from gatekeeper.domain.plan import Plan
from gatekeeper.domain.verdict import Measured, Measurement
from gatekeeper.queue.jobs import RUN_QUEUE, Queue
from gatekeeper.queue.tasks import build_runner_app
from gatekeeper.queue.worker import WorkerOptions, run_worker
from gatekeeper.store.engine import Store


def measure(plan: Plan) -> Measured:
    """Find nothing wrong."""
    return Measured([Measurement(rule.name, rows_tested=1, rows_failed=0) for rule in plan.rules])


def main() -> None:
    """Take runs until it is asked to stop."""
    conninfo, concurrency = sys.argv[1], int(sys.argv[2])
    store = Store(conninfo, pool_size=concurrency + 1)
    attempt = partial(flow.run_attempt, store, Queue(), measure)
    options = WorkerOptions("instant", [RUN_QUEUE], concurrency, drain_seconds=5)
    run_worker(build_runner_app(conninfo, attempt, lambda _: None), options)


if __name__ == "__main__":
    main()
