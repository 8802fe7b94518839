"""StringX as its users run it: the real processes, in a directory and on a port of their own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import psutil
import psycopg
import requests

from gatekeeper.settings import ROOT
from standalone.postgres import superuser_url

LOOK_SECONDS = 0.05
ANSWER_SECONDS = 75
# A service drains for 30 s at most, then stops what is left within 10 s, then its PostgreSQL.
STOP_SECONDS = 50
ON_LOCK = "wait_event_type = 'Lock' and wait_event = 'advisory'"

T = TypeVar("T")


def wait_until(what: str, look: Callable[[], T | None], seconds: float = 30) -> T:
    """Give what `look` finds as soon as it finds something."""
    until = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < until, f"{seconds} s passed, and still not: {what}"
        time.sleep(LOOK_SECONDS)
    return found


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


class Process:
    """A verb of app.py at work, in a session of its own as a terminal would start it."""

    def __init__(self, arguments: tuple[str, ...], environment: dict[str, str], log: Path) -> None:
        self._log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "app.py", *arguments],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def runs(self) -> bool:
        return self._process.poll() is None

    @property
    def said(self) -> str:
        return self._log.read_text()

    def wait_for(self, what: str, look: Callable[[], bool]) -> None:
        def reached() -> bool:
            assert self.runs, f"it ended before it came to: {what}\n{self.said}"
            return look()

        wait_until(what, reached, seconds=90)

    def terminate(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def press_ctrl_c(self) -> None:
        """Do what a terminal does: interrupt everything in its foreground."""
        os.killpg(self.pid, signal.SIGINT)

    def end(self) -> int:
        """Wait for the end, and give the exit status."""
        return self._process.wait(STOP_SECONDS)


class Home:
    """A directory for all that a service keeps, its port, and the environment it is run in."""

    def __init__(self, directory: Path, **settings: str) -> None:
        self.directory = directory
        self.data_dir = directory / "data"
        self.socket = self.data_dir / "pg"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.settings = settings
        (directory / "tmp").mkdir()

    def environment(self, **settings: str) -> dict[str, str]:
        return {
            **os.environ,
            "STRINGX_DATA_DIR": str(self.data_dir),
            "STRINGX_PORT": str(self.port),
            # So that even a lane, whose environment is scrubbed, names the directory.
            "TMPDIR": str(self.directory / "tmp"),
            "COLUMNS": "120",
            "FORCE_COLOR": "",
            **self.settings,
            **settings,
        }

    def start(self, *arguments: str, **settings: str) -> Process:
        log = self.directory / f"{arguments[0]}-{time.monotonic_ns()}.log"
        return Process(arguments, self.environment(**settings), log)

    def run(self, *arguments: str, **settings: str) -> tuple[int, str]:
        """Run a verb to its end; gives the exit status and what it printed."""
        done = subprocess.run(
            [sys.executable, "app.py", *arguments],
            cwd=ROOT,
            env=self.environment(**settings),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=170,
            check=False,
        )
        return done.returncode, done.stdout

    def processes(self) -> list[psutil.Process]:
        """Every process that names the directory in its command line or its environment."""
        return [process for process in psutil.process_iter() if self._names_me(process)]

    def _names_me(self, process: psutil.Process) -> bool:
        mine = str(self.directory)
        try:
            named = [*process.cmdline(), *process.environ().values()]
        except psutil.Error:
            return False
        return any(mine in each for each in named)

    def probe(self, endpoint: str) -> int:
        """The status that healthz or readyz answers with; 0 where nothing does."""
        try:
            return requests.get(f"{self.url}/{endpoint}", timeout=5).status_code
        except requests.RequestException:
            return 0

    def wait_until_empty(self, seconds: float = 5) -> None:
        """Fail where a process stays behind, and say which."""
        until = time.monotonic() + seconds
        while left := self.processes():
            if time.monotonic() > until:
                told = [" ".join(process.cmdline()) for process in left]
                raise AssertionError(f"left running: {told}")
            time.sleep(LOOK_SECONDS)

    def end_processes(self) -> None:
        """End what a failed test left, each by its id."""
        for process in self.processes():
            with suppress(psutil.NoSuchProcess):
                # Which a PostgreSQL server takes as: stop at once, with all your children.
                is_server = process.name() == "postgres"
                process.send_signal(signal.SIGQUIT if is_server else signal.SIGKILL)
        self.wait_until_empty(seconds=15)


class Service:
    """`app.py up` in a home, with its API."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self._process: Process | None = None

    @property
    def process(self) -> Process:
        assert self._process is not None
        return self._process

    def start(self) -> None:
        """Start it, unless it runs, and wait until it says that it answers."""
        if self._process is None or not self._process.runs:
            process = self._process = self.home.start("up")
            process.wait_for("it answers", lambda: "StringX answers on" in process.said)

    def stop(self) -> None:
        self.process.terminate()
        assert self.process.end() == 0

    def role(self, name: str) -> psutil.Process:
        """The process of a role: web, worker, runner or consumer."""
        mark = {"web": "gunicorn"}.get(name, name)
        roles = psutil.Process(self.process.pid).children()
        return next(role for role in roles if mark in role.cmdline())

    def lanes(self) -> list[psutil.Process]:
        return [
            child for child in self.role("runner").children() if "runner.lane" in child.cmdline()
        ]

    def concluded(self, run_id: str) -> list[dict[str, Any]]:
        """The log's lines about verdicts that were given to the run."""
        written = self.process.said.rpartition("\n")[0].splitlines()
        lines = (json.loads(line) for line in written if line.startswith("{"))
        wanted = ("concluded", run_id)
        return [line for line in lines if (line.get("action"), line.get("run_id")) == wanted]

    def get(self, path: str) -> dict[str, Any]:
        answer = requests.get(f"{self.home.url}/api/v1{path}", timeout=ANSWER_SECONDS)
        assert answer.ok, answer.text
        content: dict[str, Any] = answer.json()
        return content

    def send(self, path: str, body: Any, **headers: str) -> requests.Response:
        url = f"{self.home.url}/api/v1{path}"
        return requests.post(url, json=body, headers=headers, timeout=ANSWER_SECONDS)

    def post(self, table: str, batch: Any = None, **headers: str) -> requests.Response:
        return self.send("/runs", {"table": table, "batch": batch}, **headers)

    def trigger(self, table: str, batch: Any = None) -> str:
        """Ask a gate without waiting; gives the run's id."""
        answer = self.post(table, batch)
        assert answer.status_code == 202, answer.text
        run_id: str = answer.json()["id"]
        return run_id

    def judge(self, table: str) -> dict[str, Any]:
        """Ask a gate and wait for its verdict."""
        return self.finish(self.trigger(table))

    def finish(self, run_id: str) -> dict[str, Any]:
        def finished() -> dict[str, Any] | None:
            run = self.get(f"/runs/{run_id}")
            return run if run["state"] == "finished" else None

        return wait_until(f"run {run_id} is finished", finished, seconds=60)

    def counts(self, run_id: str) -> dict[str, tuple[int | None, int | None]]:
        """The rows tested and failed of each rule; None where it could not be measured."""
        checks = self.get(f"/runs/{run_id}/results")["checks"]
        return {each["rule"]: (each["rows_tested"], each["rows_failed"]) for each in checks}

    def sessions(self, run_id: str, condition: str = "true") -> set[int]:
        """The ids of the run's sessions on the warehouse."""
        with psycopg.connect(superuser_url(self.home.socket)) as server:
            found = server.execute(
                f"select pid from pg_stat_activity where application_name = %s and {condition}",
                [f"stringx-{run_id}"],
            )
            return {pid for (pid,) in found}

    def wait_until_held(self, run_id: str) -> set[int]:
        """Wait until the run's queries wait for the lock; gives their sessions."""
        return wait_until(f"run {run_id} is held", lambda: self.sessions(run_id, ON_LOCK))


@contextmanager
def holding(socket: Path) -> Iterator[None]:
    """Keep whoever reads the shop's held views waiting."""
    with psycopg.connect(superuser_url(socket, "shop"), autocommit=True) as warehouse:
        warehouse.execute("select pg_advisory_lock(1)")
        yield
