"""The parent's handle on one lane: a child process that holds dbt warm.

It is started with an environment of its own making, so it never sees the store's credentials or
another warehouse's; what it needs comes with each order.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil
import structlog

from gatekeeper.domain.fleet import LaneState

log = structlog.get_logger(__name__)

ROOT = Path(__file__).resolve().parent.parent
SEND_SECONDS = 10
# What dbt needs of the environment. Everything else stays with the parent.
INHERITED = ("PATH", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE")


class LaneDied(Exception):
    """The lane's process ended before it answered."""


class LaneLate(Exception):
    """The lane didn't answer by the deadline."""


@dataclass(frozen=True)
class LaneLimits:
    """When a lane is replaced, and how many checks it runs at once."""

    threads: int
    max_runs: int
    max_mebibytes: int


class Lane:
    """One child process. Owned by one thread at a time; any may ask for its state. `run_id` is the
    run that it is at.
    """

    def __init__(self, number: int, limits: LaneLimits) -> None:
        self.number = number
        self.projects: set[str] = set()
        self.run_id: str | None = None
        self._limits = limits
        self.retired = False
        self._runs = 0
        self._mebibytes = 0
        self._start()

    @property
    def pid(self) -> int:
        """The id of the lane's process."""
        return self._process.pid

    def state(self) -> LaneState:
        """Tell what it is at."""
        try:
            mebibytes = psutil.Process(self.pid).memory_info().rss // 2**20
        except psutil.NoSuchProcess:
            mebibytes = 0
        return LaneState(self.number, self.pid, self._runs, mebibytes, self.run_id)

    def ask(self, order: Mapping[str, Any], deadline_seconds: float) -> dict[str, Any]:
        """Send an order and wait for its answer; raises LaneDied or LaneLate."""
        if self._process.poll() is not None:
            if self.retired:
                raise LaneDied
            self.replace("it had ended")
        self._runs += 1
        try:
            self._connection.send_bytes(json.dumps(order).encode())
            if not self._connection.poll(deadline_seconds):
                raise LaneLate
            answer: dict[str, Any] = json.loads(self._connection.recv_bytes())
        except (EOFError, OSError) as error:
            raise LaneDied from error
        self.projects.add(order["project"])
        self._mebibytes = answer["mebibytes"]
        return answer

    def replace_if_worn(self) -> None:
        """Start anew after so many runs, or where memory has grown."""
        if self._runs >= self._limits.max_runs:
            self.replace(f"it had {self._runs} runs")
        elif self._mebibytes > self._limits.max_mebibytes:
            self.replace(f"it held {self._mebibytes} MiB")

    def replace(self, reason: str) -> None:
        """Kill the process, whatever it does, and start another, unless the lane is retired."""
        if self.retired:
            return
        log.info("lane replaced", action="lane_replaced", lane=self.number, reason=reason)
        self.close()
        self._start()

    def retire(self) -> None:
        """Kill the process for good; whoever waits for its answer sees it die."""
        self.retired = True
        self.kill()

    def kill(self) -> None:
        """Kill the process."""
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """Kill the process and remove what it wrote."""
        self.kill()
        self._connection.close()
        shutil.rmtree(self._workspace, ignore_errors=True)

    def _start(self) -> None:
        self._runs, self._mebibytes = 0, 0
        self.projects.clear()
        self._workspace = Path(tempfile.mkdtemp(prefix="stringx-lane-"))
        ours, theirs = socket.socketpair()
        # A lane that doesn't even read its order is as good as dead.
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", SEND_SECONDS, 0))
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "runner.lane", str(theirs.fileno()), str(self._workspace)],
                cwd=ROOT,
                env=_build_environment(self._workspace),
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                # A Ctrl-C on the terminal is the parent's to handle.
                start_new_session=True,
            )
        self._connection = Connection(ours.detach())


def _build_environment(workspace: Path) -> dict[str, str]:
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    # A killed lane can't free dbt's semaphores; its resource tracker does, and need not say so.
    return {**inherited, "HOME": str(workspace), "PYTHONWARNINGS": "ignore"}
