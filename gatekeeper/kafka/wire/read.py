"""The way in: telling the forms apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gatekeeper.contracts.json_text import MAX_BODY_BYTES, parse_json
from gatekeeper.domain.errors import InvalidRequest
from gatekeeper.domain.watch import TableChange
from gatekeeper.kafka.wire.avro import is_framed
from gatekeeper.kafka.wire.cloudevents import is_binary, is_structured, read_binary, read_structured
from gatekeeper.kafka.wire.dataset import is_dataset, read_dataset
from gatekeeper.kafka.wire.debezium import is_change, read_change
from gatekeeper.kafka.wire.headers import read_headers
from gatekeeper.kafka.wire.record import Ignored, Trigger
from gatekeeper.kafka.wire.trigger import read_trigger


def read_record(
    value: bytes | None,
    key: bytes | None,
    headers: Sequence[tuple[str, bytes | None]],
    decode_avro: Callable[[bytes], Any] | None = None,
) -> Trigger | TableChange | Ignored:
    """Read a record in whichever form it is; `decode_avro` reads Avro where a registry is set.

    Raises InvalidRequest for what is wrong with the record, and what `decode_avro` raises.
    """
    if value is None:
        return Ignored("a tombstone: a row is gone" if key else "neither key nor value")
    if len(value) > MAX_BODY_BYTES:
        raise InvalidRequest("body", f"over {MAX_BODY_BYTES} bytes")
    known = read_headers(headers)
    content = _read_content(value, decode_avro)
    if is_binary(known):
        return read_binary(known, content)
    if not isinstance(content, dict):
        raise InvalidRequest("body", "must be an object")
    if is_structured(known, content):
        return read_structured(content)
    if is_change(content):
        return read_change(content)
    return read_dataset(content) if is_dataset(content) else read_trigger(content)


def _read_content(value: bytes, decode_avro: Callable[[bytes], Any] | None) -> Any:
    if not is_framed(value):
        return parse_json(value)
    if decode_avro is None:
        raise InvalidRequest("body", "Avro, and StringX knows no schema registry")
    return decode_avro(value)
