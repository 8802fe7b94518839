"""The whole service on one machine: store, web, worker and runner."""

from __future__ import annotations

import fcntl
import os
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from gatekeeper.domain.errors import GatekeeperError, InvalidConfiguration, Problem
from gatekeeper.settings import ROOT, Settings, load_kafka_settings
from gatekeeper.store.engine import embedded_url
from standalone.signals import uninterrupted
from standalone.supervisor import Role, Supervisor

ROLES = ("web", "worker", "runner")
BOOTSTRAP = "STRINGX_KAFKA_BOOTSTRAP"
READY_SECONDS = 60
# A runner drains for as long as its setting says; then come the others, and the store.
STOP_MARGIN_SECONDS = 10


class AlreadyRunning(GatekeeperError):
    """Another service uses this data directory."""

    def __init__(self, data_dir: Path) -> None:
        super().__init__(f"a StringX service already runs on {data_dir}; stop it first")


class NotReady(GatekeeperError):
    """The service didn't come up in time."""


@dataclass(frozen=True)
class Place:
    """Where a service keeps its things: the store's URL, and its socket where it is embedded."""

    store_url: str
    socket: Path | None


@contextmanager
def store_place(settings: Settings) -> Iterator[Place]:
    """Give the store that the settings name; without one, run the embedded one for the while."""
    if settings.database_url is not None:
        yield Place(settings.database_url.get_secret_value(), None)
        return
    try:
        from standalone.postgres import embedded_postgres
    except ModuleNotFoundError:
        reason = "is needed here: this installation has no PostgreSQL of its own"
        raise InvalidConfiguration([Problem("STRINGX_DATABASE_URL", reason)]) from None
    with _only_one(settings.data_dir), embedded_postgres(settings.data_dir) as socket:
        yield Place(embedded_url(socket), socket)


@contextmanager
def _only_one(data_dir: Path) -> Iterator[None]:
    """Hold the data directory for one service at a time; the lock goes with the process."""
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(data_dir) from None
        yield


def check_port(host: str, port: int) -> None:
    """Raise InvalidConfiguration where something listens there already."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            reason = f"can't listen on {host}:{port} ({error.strerror}); choose another"
            raise InvalidConfiguration([Problem("STRINGX_PORT", reason)]) from None


@contextmanager
def running_service(
    settings: Settings, place: Place, environment: Mapping[str, str], logs: Path | None = None
) -> Iterator[None]:
    """Run web, worker and runner while the context lasts, and a consumer where Kafka is set, in our
    environment or in theirs; then let them finish.
    """
    check_port(settings.host, settings.port)
    over_kafka = BOOTSTRAP in environment or load_kafka_settings().bootstrap
    roles = [
        Role(
            name,
            [sys.executable, str(ROOT / "app.py"), name],
            logs / f"{name}.log" if logs else None,
        )
        for name in (*ROLES, *(["consumer"] if over_kafka else []))
    ]
    # Under a name of its own a consumer that is started again goes on at once.
    member = {"STRINGX_KAFKA_MEMBER": f"{socket.gethostname()}-{settings.port}"}
    own = {"STRINGX_DATABASE_URL": place.store_url}
    inherited = {**member, **os.environ, **environment, **own}
    supervisor = Supervisor(roles, inherited)
    try:
        with uninterrupted():
            supervisor.start()
        yield
    finally:
        supervisor.stop(settings.drain_seconds + STOP_MARGIN_SECONDS)


def wait_until_ready(url: str) -> None:
    """Wait until web answers that it is ready; raises NotReady."""
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until:
        try:
            if requests.get(f"{url}/readyz", timeout=2).ok:
                return
        except requests.RequestException:
            pass
        time.sleep(0.1)
    raise NotReady(f"web didn't answer on {url} within {READY_SECONDS} s; its log says why")
