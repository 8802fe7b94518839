"""A worker whose only job takes as long as it is told: `python -m ... CONNINFO SECONDS DRAIN`."""

from __future__ import annotations

import sys
import threading

from gatekeeper.domain.run import RunId
from gatekeeper.queue.jobs import RUN_QUEUE
from gatekeeper.queue.tasks import build_runner_app
from gatekeeper.queue.worker import WorkerOptions, run_worker


def main() -> None:
    conninfo, seconds, drain_seconds = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
    cut_short = threading.Event()

    def job(run_id: RunId) -> None:
        if cut_short.wait(seconds):
            raise RuntimeError("cut short")

    options = WorkerOptions("test", [RUN_QUEUE], 1, drain_seconds, on_drained_out=cut_short.set)
    run_worker(build_runner_app(conninfo, job, lambda _: None), options)


if __name__ == "__main__":
    main()
