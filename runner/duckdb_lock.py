"""Letting go of a DuckDB file: whoever has it open, even to read, keeps others from writing it."""

from __future__ import annotations

from dbt.adapters.duckdb.connections import DuckDBConnectionManager


def let_go() -> None:
    """Close the file that dbt has open. It loses count of its handles, and would keep it."""
    opened = DuckDBConnectionManager._ENV  # noqa: SLF001 - it has no other way in
    if opened is not None:
        opened.close()
    DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]
