"""Ending what a killed lane left running on the warehouse."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg
import structlog

log = structlog.get_logger(__name__)

_END = """
select count(pg_terminate_backend(pid)) from pg_stat_activity
where application_name = %s and pid <> pg_backend_pid()
"""


def end_sessions(order: Mapping[str, Any]) -> None:
    """End the warehouse sessions of an order, where they can outlive their lane."""
    if order["adapter"] == "postgres":
        _end_postgres_sessions(order["connection"], order["application_name"])


def _end_postgres_sessions(connection: Mapping[str, str], application_name: str) -> None:
    """End the sessions of that name. A role may always end its own."""
    try:
        with psycopg.connect(
            host=connection["host"],
            port=connection["port"],
            dbname=connection["database"],
            user=connection["user"],
            password=connection.get("password"),
            sslmode=connection["sslmode"],
            connect_timeout=5,
        ) as session:
            ended = session.execute(_END, [application_name]).fetchone()
        log.info("sessions ended", action="sessions_ended", sessions=ended[0] if ended else 0)
    except psycopg.Error as error:
        # They end at their statement timeout all the same.
        log.warning("sessions not ended", action="sessions_not_ended", reason=type(error).__name__)
