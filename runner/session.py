"""A session of the runner's own on the warehouse, beside those of dbt's tests, through the same
adapter: what it asks is written by macros, and it may only read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from dbt.adapters.factory import FACTORY, reset_adapters
from dbt.adapters.sql.impl import SQLAdapter
from dbt.contracts.graph.manifest import Manifest
from dbt_common.exceptions import DbtBaseException

from gatekeeper.domain.errors import RunnerError
from runner.failures import is_transient
from runner.redaction import redact

_OF_DBT = re.compile(r"^(Database|Runtime) Error ")

Row = tuple[Any, ...]


class Session:
    """An open session; one query at a time."""

    def __init__(
        self, adapter: SQLAdapter, manifest: Manifest, connection: Mapping[str, str]
    ) -> None:
        self._adapter = adapter
        self._manifest = manifest
        self._connection = connection

    def rows(self, macro: str, **arguments: Any) -> list[Row]:
        """Run the query that a macro of stringx/ writes, and give all its rows.

        Raises RunnerError with what the warehouse says.
        """
        return [tuple(row) for row in self._run(macro, arguments).rows]

    def columns(self, macro: str, **arguments: Any) -> list[str]:
        """Run the query that a macro writes, and give the names of its columns."""
        return list(self._run(macro, arguments).column_names)

    def begin(self, application_name: str, seconds: float) -> None:
        """Give the session its name; each of its queries may take so long, and only read."""
        settings = {
            "application_name": application_name,
            "statement_timeout_ms": int(seconds * 1000),
        }
        with _told(self._connection):
            self._adapter.execute(self.render("sx_session", **settings))

    def _run(self, macro: str, arguments: Mapping[str, Any]) -> Any:
        sql = self.render(macro, **arguments)
        with _told(self._connection):
            _, table = self._adapter.execute(sql, auto_begin=True, fetch=True)
        return table

    def render(self, macro: str, **arguments: Any) -> str:
        """Give what a macro of stringx/ writes."""
        rendered = self._adapter.execute_macro(
            macro, macro_resolver=self._manifest, kwargs=dict(arguments)
        )
        return str(rendered)


@contextmanager
def open_session(
    adapter: SQLAdapter, manifest: Manifest, order: Mapping[str, Any], seconds: float
) -> Iterator[Session]:
    """Open a session for an order, each of whose queries may take so long.

    Raises RunnerError where the warehouse refuses or fails.
    """
    # dbt's macros look up their adapter by its type; the last invocation left its own there.
    reset_adapters()  # type: ignore[no-untyped-call]
    adapters: dict[str, Any] = FACTORY.adapters
    adapters[adapter.type()] = adapter
    session = Session(adapter, manifest, order["connection"])
    try:
        with adapter.connection_named("stringx"):
            session.begin(order["application_name"], seconds)
            yield session
    finally:
        adapter.cleanup_connections()


@contextmanager
def _told(connection: Mapping[str, str]) -> Iterator[None]:
    """Say in our own words, and without secrets, what dbt's adapter raises."""
    try:
        yield
    except DbtBaseException as error:
        message = redact(_shorten(str(error)), connection)
        raise RunnerError(message, transient=is_transient(message)) from error


def _shorten(message: str) -> str:
    """Leave out who says it, and the query that it points into: neither helps the reader."""
    said = _OF_DBT.sub("", " ".join(message.split()))
    return said.partition(" LINE ")[0]
