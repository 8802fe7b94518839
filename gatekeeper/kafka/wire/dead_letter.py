"""A record that was refused: as it came, with the reason in its headers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from gatekeeper.domain.errors import GatekeeperError, InvalidRequest

Headers = Sequence[tuple[str, bytes | None]]

_PREFIX = "stringx_"
_MAX_REASON_LENGTH = 1000


def render_dead_letter_headers(
    headers: Headers,
    error: GatekeeperError,
    place: tuple[str, int, int],
    refused_at: datetime,
) -> list[tuple[str, bytes | None]]:
    """Give the record's own headers and ours; `place` is its topic, partition and offset.

    Of a record that was refused before, the older reasons are left out.
    """
    topic, partition, offset = place
    told = {
        "topic": topic,
        "partition": str(partition),
        "offset": str(offset),
        "field": error.field if isinstance(error, InvalidRequest) else None,
        "reason": error.reason if isinstance(error, InvalidRequest) else str(error),
        "refused_at": refused_at.isoformat(),
    }
    return [
        *own_headers(headers),
        *(
            (_PREFIX + name, text[:_MAX_REASON_LENGTH].encode(errors="replace"))
            for name, text in told.items()
            if text is not None
        ),
    ]


def own_headers(headers: Headers) -> list[tuple[str, bytes | None]]:
    """Give the headers that the record's sender gave it."""
    return [(name, value) for name, value in headers if not name.startswith(_PREFIX)]


def read_reason(headers: Headers) -> str:
    """Give the reason that stands in a dead letter's headers."""
    told = dict(headers)
    field, reason = told.get(f"{_PREFIX}field"), told.get(f"{_PREFIX}reason")
    said = [part.decode(errors="replace") for part in (field, reason) if part]
    return ": ".join(said) or "no reason is given"
