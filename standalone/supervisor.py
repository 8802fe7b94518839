"""Minding the processes of a service: started in order, started again when they die, stopped
together.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import structlog

log = structlog.get_logger(__name__)

# Where util-linux is there, the kernel ends the processes of a supervisor that was killed.
END_WITH_US = ["setpriv", "--pdeathsig", "SIGTERM"] if shutil.which("setpriv") else []

LOOK_SECONDS = 0.2
RESTART_SECONDS = 1.0


@dataclass
class Role:
    """A process of the service: its command, and where its output goes (None: to ours)."""

    name: str
    command: Sequence[str]
    log_file: Path | None = None
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    started: float = 0.0


class Supervisor:
    """Keeps the roles' processes running between `start` and `stop`."""

    def __init__(self, roles: Sequence[Role], environment: Mapping[str, str]) -> None:
        self._roles = roles
        self._environment = environment
        self._stopping = threading.Event()
        self._minder = threading.Thread(target=self._mind, daemon=True)

    def start(self) -> None:
        """Start every role."""
        for role in self._roles:
            self._start(role)
        self._minder.start()

    def stop(self, seconds: float) -> None:
        """Ask every role to finish what it does; kill what still runs after that time."""
        self._stopping.set()
        if self._minder.is_alive():
            self._minder.join()
        until = time.monotonic() + seconds
        running = [role.process for role in self._roles if role.process]
        for process in running:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in running:
            try:
                process.wait(max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _mind(self) -> None:
        while not self._stopping.wait(LOOK_SECONDS):
            for role in self._roles:
                if role.process and role.process.poll() is not None:
                    log.warning(
                        "a process ended and is started again",
                        action="restarted",
                        role=role.name,
                        exit_status=role.process.returncode,
                    )
                    # One that can't run is not started in a frenzy.
                    if time.monotonic() - role.started < RESTART_SECONDS:
                        time.sleep(RESTART_SECONDS)
                    self._start(role)

    def _start(self, role: Role) -> None:
        output = self._open(role)
        try:
            role.process = subprocess.Popen(
                [*END_WITH_US, *role.command],
                env=dict(self._environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                # A Ctrl-C on the terminal is ours to handle; we pass it on as SIGTERM.
                start_new_session=True,
            )
            role.started = time.monotonic()
        finally:
            if output:
                output.close()

    @staticmethod
    def _open(role: Role) -> IO[bytes] | None:
        if role.log_file is None:
            return None
        role.log_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return role.log_file.open("ab")
