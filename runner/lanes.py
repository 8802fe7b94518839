"""The parent's side: N lanes, each a child process that holds dbt warm.

A lane is started with an environment of its own making, so it never sees the store's credentials
or another warehouse's; what it needs comes with each order.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import structlog

from gatekeeper.domain.batch import render_batch
from gatekeeper.domain.errors import RunnerError, UnknownReference
from gatekeeper.domain.plan import Plan
from gatekeeper.domain.verdict import Measurement
from runner.references import resolve_connection
from runner.sessions import end_sessions

log = structlog.get_logger(__name__)

ROOT = Path(__file__).resolve().parent.parent
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
    """One child process. Owned by one thread at a time."""

    def __init__(self, number: int, limits: LaneLimits) -> None:
        self.number = number
        self.projects: set[str] = set()
        self._limits = limits
        self._runs = 0
        self._mebibytes = 0
        self._start()

    @property
    def pid(self) -> int:
        """The id of the lane's process."""
        return self._process.pid

    def ask(self, order: Mapping[str, Any], deadline_seconds: float) -> dict[str, Any]:
        """Send an order and wait for its answer; raises LaneDied or LaneLate."""
        if self._process.poll() is not None:
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
        """Kill the process, whatever it does, and start another."""
        log.info("lane replaced", action="lane_replaced", lane=self.number, reason=reason)
        self.close()
        self._start()

    def close(self) -> None:
        """Kill the process and remove what it wrote."""
        self._process.kill()
        self._process.wait()
        self._connection.close()
        shutil.rmtree(self._workspace, ignore_errors=True)

    def _start(self) -> None:
        self._runs, self._mebibytes = 0, 0
        self.projects.clear()
        self._workspace = Path(tempfile.mkdtemp(prefix="stringx-lane-"))
        ours, theirs = socket.socketpair()
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


class Lanes:
    """Hands plans to lanes. As many may be under way at once as there are lanes."""

    def __init__(
        self, count: int, limits: LaneLimits, environment: Mapping[str, str], secrets_dir: Path
    ) -> None:
        self._limits = limits
        self._environment = environment
        self._secrets_dir = secrets_dir
        self._lanes = [Lane(number, limits) for number in range(count)]
        self._free = list(self._lanes)
        self._changed = threading.Condition()
        self._closed = False

    @property
    def pids(self) -> list[int]:
        """The ids of the lanes' processes."""
        return [lane.pid for lane in self._lanes]

    def measure(self, plan: Plan) -> Sequence[Measurement]:
        """Carry a plan out; raises RunnerError where nothing could be measured."""
        order = self._build_order(plan)
        lane = self._take(order["project"])
        try:
            answer = self._ask(lane, order, plan.deadline_seconds)
            if not self._closed:
                lane.replace_if_worn()
        finally:
            self._give_back(lane)
        if "failure" in answer:
            raise RunnerError(answer["failure"], transient=answer["transient"])
        return [Measurement(**measured) for measured in answer["measurements"]]

    def close(self) -> None:
        """Kill every lane; what is under way ends as if its lane had died."""
        self._closed = True
        for lane in self._lanes:
            lane.close()

    def _build_order(self, plan: Plan) -> dict[str, Any]:
        try:
            connection = resolve_connection(
                plan.warehouse.connection, self._environment, self._secrets_dir
            )
        except UnknownReference as error:
            raise RunnerError(str(error), transient=False) from error
        return {
            "project": f"{plan.gate_id}-{plan.rule_set_hash[:16]}",
            "table": plan.table,
            "rules": [asdict(rule) for rule in plan.rules],
            "batch": render_batch(plan.batch) if plan.batch else None,
            "deadline_seconds": plan.deadline_seconds,
            "connection": connection,
            "application_name": f"stringx-{plan.run_id}",
            "threads": self._limits.threads,
        }

    def _ask(self, lane: Lane, order: Mapping[str, Any], deadline: float) -> dict[str, Any]:
        try:
            return lane.ask(order, deadline)
        except LaneDied:
            self._recover(lane, order, "it died")
            raise RunnerError("the lane that judged it died", transient=True) from None
        except LaneLate:
            self._recover(lane, order, "it met a deadline")
            message = f"the deadline of {deadline:g} s passed before every check was measured"
            raise RunnerError(message, transient=False) from None

    def _recover(self, lane: Lane, order: Mapping[str, Any], reason: str) -> None:
        """Kill the lane, then end what it left running on the warehouse: in this order nothing
        new can begin in between.
        """
        if self._closed:
            lane.close()
        else:
            lane.replace(reason)
        end_sessions(order["connection"], order["application_name"])

    def _take(self, project: str) -> Lane:
        with self._changed:
            self._changed.wait_for(lambda: self._free)
            warm = [lane for lane in self._free if project in lane.projects]
            # The coldest lane learns a new gate, so that the warm ones stay warm for theirs.
            lane = warm[0] if warm else min(self._free, key=lambda each: len(each.projects))
            self._free.remove(lane)
            return lane

    def _give_back(self, lane: Lane) -> None:
        with self._changed:
            self._free.append(lane)
            self._changed.notify()
