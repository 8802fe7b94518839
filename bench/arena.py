"""Where a benchmark takes place, and what it leaves: a store of its own in a temporary directory,
then figures, printed and written as JSON lines. Nothing here outlives the benchmark.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import socket
import statistics
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import click
import yaml

from app import migrate_store
from gatekeeper.catalogue.rule_types import load_rule_types
from gatekeeper.configuration.apply import apply_configuration
from gatekeeper.logs import configure_logs
from gatekeeper.settings import VERSION, Settings, load_settings
from gatekeeper.store.engine import Store
from standalone.service import Place, store_place
from standalone.signals import end_on_signals

RESULTS = Path(__file__).parent / "results"
VERSIONS_OF = ("dbt-core", "dbt-postgres", "gunicorn", "procrastinate", "psycopg")
LOG_LINES_SHOWN = 8

Figures = dict[str, Any]


class BenchmarkFailed(click.ClickException):
    """What was measured can't be trusted, or couldn't be measured in time."""


@dataclass(frozen=True)
class Arena:
    """A migrated store on an embedded PostgreSQL, with the settings for a service around it."""

    settings: Settings
    place: Place
    store: Store

    @property
    def url(self) -> str:
        """Where a service with these settings answers."""
        return f"http://{self.settings.host}:{self.settings.port}"

    @property
    def socket(self) -> Path:
        """The directory of the embedded server's socket."""
        if self.place.socket is None:
            raise BenchmarkFailed("the store is not an embedded one")
        return self.place.socket

    @property
    def logs(self) -> Path:
        """Where the service's processes write their logs."""
        return self.settings.data_dir / "logs"


@contextmanager
def open_arena(**settings: str) -> Iterator[Arena]:
    """Give an arena for the while; `settings` are those that differ from the defaults."""
    end_on_signals()
    configure_logs("bench", "console", "WARNING")
    with ExitStack() as opened:
        directory = opened.enter_context(short_directory())
        chosen = _choose_settings(STRINGX_DATA_DIR=str(directory), **settings)
        place = opened.enter_context(store_place(chosen))
        store = opened.enter_context(closing(Store(place.store_url)))
        migrate_store(store)
        arena = Arena(chosen, place, store)
        try:
            yield arena
        except Exception:
            _show_logs(arena.logs)
            raise


@contextmanager
def short_directory() -> Iterator[Path]:
    """A temporary directory whose path leaves room for a socket's name."""
    directory = Path(tempfile.mkdtemp(prefix="sx-bench-", dir="/tmp"))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _choose_settings(**settings: str) -> Settings:
    """The defaults save for what is given: a developer's own settings must not change a figure."""
    for name in [name for name in os.environ if name.startswith(("STRINGX_", "DBT_", "PG"))]:
        del os.environ[name]
    os.environ.update(settings, STRINGX_PORT=str(_free_port()))
    return load_settings()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _show_logs(logs: Path) -> None:
    for file in sorted(logs.glob("*.log")):
        last = file.read_text("utf-8", "replace").splitlines()[-LOG_LINES_SHOWN:]
        print(f"--- the end of {file.name}", *last, sep="\n", file=sys.stderr)


@contextmanager
def time_limit(seconds: int) -> Iterator[None]:
    """Raise BenchmarkFailed in the main thread if what is inside takes longer."""

    def end(_: int, __: FrameType | None) -> NoReturn:
        raise BenchmarkFailed(f"it was not over after {seconds} s")

    signal.signal(signal.SIGALRM, end)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)


def add_gate(
    arena: Arena,
    connection: Mapping[str, str],
    table: str,
    rules: Sequence[Mapping[str, Any]],
    adapter: str = "postgres",
) -> None:
    """Store a gate with its rules, as a configuration file would."""
    document = {
        "warehouses": [{"name": "bench", "adapter": adapter, "connection": dict(connection)}],
        "gates": [{"warehouse": "bench", "table": table, "rules": list(rules)}],
    }
    apply_configuration(arena.store, load_rule_types(), yaml.safe_dump(document))


def build_arm(name: str, seconds: Sequence[float], **more: float) -> Figures:
    """The figures of one arm, from what each of its runs took."""
    return {
        "arm": name,
        "n": len(seconds),
        **more,
        "p50_seconds": round(statistics.median(seconds), 6),
        "p95_seconds": round(sorted(seconds)[math.ceil(0.95 * len(seconds)) - 1], 6),
    }


def build_ratio(name: str, over: float, under: float) -> Figures:
    """The figure that a benchmark is for; its name says what stands over what."""
    return {"arm": "ratio", "of": name, "ratio": round(over / under, 3)}


def print_figures(title: str, figures: Sequence[Figures]) -> None:
    """Print one line for each arm, and the ratio."""
    print(f"\n{title}")
    for each in figures:
        if "ratio" in each:
            print(f"  {each['of']}: {each['ratio']:.2f}")
        else:
            rate = f"  {each['per_second']:.1f}/s" if "per_second" in each else ""
            p50, p95 = each["p50_seconds"] * 1000, each["p95_seconds"] * 1000
            print(f"  {each['arm']:<26}n={each['n']:<6}p50 {p50:8.1f} ms  p95 {p95:8.1f} ms{rate}")


def save_figures(file_name: str, arena: Arena, figures: Sequence[Figures]) -> None:
    """Write the figures as JSON lines, each with the date, the cores and the versions."""
    RESULTS.mkdir(exist_ok=True)
    circumstances = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "versions": _versions(arena.store),
    }
    lines = [json.dumps({**each, **circumstances}) + "\n" for each in figures]
    (RESULTS / file_name).write_text("".join(lines), "utf-8")


def _versions(store: Store) -> dict[str, str]:
    with store.engine.connect() as connection:
        postgres: str = connection.exec_driver_sql("show server_version").scalar_one()
    python = ".".join(map(str, sys.version_info[:3]))
    libraries = {name: version(name) for name in VERSIONS_OF}
    return {"stringx": VERSION, "python": python, "postgresql": postgres, **libraries}
