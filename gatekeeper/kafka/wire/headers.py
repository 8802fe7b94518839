"""A record's headers, as far as anything here reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gatekeeper.domain.errors import InvalidRequest

CONTENT_TYPE = "content-type"
EVENT_PREFIX = "ce_"

_EVENT_ATTRIBUTES = ("specversion", "id", "source", "type", "correlationid")
_READ = {CONTENT_TYPE, *(EVENT_PREFIX + name for name in _EVENT_ATTRIBUTES)}


def read_headers(headers: Sequence[tuple[str, bytes | None]]) -> Mapping[str, str]:
    """Give those that are read, by name in lower case; raises InvalidRequest for odd bytes."""
    return {
        name.lower(): _text(name.lower(), value)
        for name, value in headers
        if name.lower() in _READ and value is not None
    }


def _text(name: str, value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise InvalidRequest(name, "isn't UTF-8") from None
