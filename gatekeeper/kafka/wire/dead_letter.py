"""A record that was refused: as it came, with the reason in its headers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from gatekeeper.domain.errors import GatekeeperError, InvalidRequest

_PREFIX = "stringx_"
_MAX_REASON_LENGTH = 1000


def render_dead_letter_headers(
    headers: Sequence[tuple[str, bytes | None]],
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
    own = [(name, value) for name, value in headers if not name.startswith(_PREFIX)]
    return [
        *own,
        *(
            (_PREFIX + name, text[:_MAX_REASON_LENGTH].encode(errors="replace"))
            for name, text in told.items()
            if text is not None
        ),
    ]
