"""A lane's own process: `python -m runner.lane FD WORKSPACE`.

Takes one order at a time from the socket it was started with and answers with what it measured,
both as JSON: nothing that a warehouse or a dbt project makes can become code in the runner.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
import time
from dataclasses import asdict
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil

from gatekeeper.domain.errors import RunnerError
from runner.engine import DbtEngine
from runner.redaction import redact


def main() -> None:
    """Serve orders until the runner hangs up."""
    descriptor, workspace = int(sys.argv[1]), Path(sys.argv[2])
    threading.Thread(target=_end_with_parent, args=(os.getppid(), workspace), daemon=True).start()
    engine = DbtEngine(workspace)
    with Connection(descriptor) as runner:
        while True:
            try:
                order = json.loads(runner.recv_bytes())
            except EOFError:
                return
            answer = _answer(engine, order)
            answer["mebibytes"] = psutil.Process().memory_info().rss // 2**20
            runner.send_bytes(json.dumps(answer).encode())


def _answer(engine: DbtEngine, order: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"measured": asdict(engine.measure(order))}
    except RunnerError as error:
        return {"failure": str(error), "transient": error.transient}
    except Exception as error:  # noqa: BLE001 - whatever dbt raises is an answer, not the lane's end
        message = redact(f"{type(error).__name__}: {error}", order["connection"])
        return {"failure": message, "transient": False}


def _end_with_parent(parent: int, workspace: Path) -> None:
    """A lane whose runner was killed has nobody to answer, and must not work on."""
    while os.getppid() == parent:
        time.sleep(0.5)
    shutil.rmtree(workspace, ignore_errors=True)
    os._exit(1)


if __name__ == "__main__":
    main()
