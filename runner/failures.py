"""Telling a warehouse that can't be reached from a check that can't be judged, by the warehouse's
own words; and which of these may go away by themselves.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from gatekeeper.domain.verdict import Measurement

_TRANSIENT = re.compile(
    r"connection refused|could not (connect|translate host name|receive data|send data)"
    r"|connection to server .* failed: (No such file|timeout)|timeout expired"
    r"|server closed the connection|connection already closed|terminating connection"
    r"|the database system is (starting up|shutting down|in recovery mode)"
    r"|too many (clients|connections)|remaining connection slots"
    r"|deadlock detected|could not serialize access|connection reset by peer",
    re.IGNORECASE | re.DOTALL,
)

_QUOTED = re.compile(r"\"[^\"]*\"")

_NO_ENTRY = re.compile(
    r"password authentication failed|no password supplied|no pg_hba\.conf entry"
    r"|role \"[^\"]*\" does not exist|database \"[^\"]*\" does not exist"
    r"|permission denied for database|is not permitted to log in"
    r"|connection to server .* failed:",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True)
class Failure:
    """Why nothing could be measured, and whether another attempt may do better."""

    message: str
    transient: bool


def is_transient(message: str) -> bool:
    """Whether what a warehouse said may go away by itself; what it quotes may be data."""
    return bool(_TRANSIENT.search(_QUOTED.sub("", message)))


def find_failure(measurements: Sequence[Measurement]) -> Failure | None:
    """Say what kept the warehouse from answering, if anything did.

    A transient trouble of one check costs the whole attempt, so that the checks of a run are
    measured close together; a refused entry only counts where every check met it.
    """
    unmeasured = [each.message for each in measurements if each.rows_failed is None]
    for message in unmeasured:
        if is_transient(message):
            return Failure(message, transient=True)
    refused = [message for message in unmeasured if _NO_ENTRY.search(message)]
    if refused and len(refused) == len(measurements):
        return Failure(refused[0], transient=False)
    return None
