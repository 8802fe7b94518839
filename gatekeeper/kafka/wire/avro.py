"""Avro in the framing of a schema registry: a zero byte, four bytes of schema id, then the data."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Mapping
from datetime import date, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import fastavro
from fastavro.types import Schema

from gatekeeper.domain.errors import InvalidRequest

_HEAD = struct.Struct(">bI")
_MAGIC = b"\x00"


def is_framed(value: bytes) -> bool:
    """Whether it is Avro: no JSON begins with a zero byte."""
    return value.startswith(_MAGIC)


def schema_id(value: bytes) -> int:
    """Which schema the framed value names; raises InvalidRequest."""
    if len(value) < _HEAD.size:
        raise InvalidRequest("body", "Avro that breaks off before its data")
    _, number = _HEAD.unpack_from(value)
    return int(number)


def parse_schema(text: str) -> Schema:
    """Read the text of a schema; raises InvalidRequest where it can't be understood.

    One that refers to itself is refused: by it a few kilobytes nest so deeply that the library,
    which is compiled, takes the whole process down.
    """
    try:
        schema = fastavro.parse_schema(json.loads(text))
        refers_to_itself = _refers_to(schema, frozenset())
    except Exception:  # noqa: BLE001 - the library raises what it likes
        raise InvalidRequest("body", "its Avro schema can't be understood") from None
    if refers_to_itself:
        raise InvalidRequest("body", "its Avro schema refers to itself")
    return schema


def _refers_to(schema: Any, names: frozenset[str]) -> bool:
    """Whether one of the names, or a type's own within it, is used in the schema."""
    if isinstance(schema, str):
        return schema in names
    if isinstance(schema, list):
        return any(_refers_to(each, names) for each in schema)
    if "name" in schema:
        names |= {schema["name"]}
    parts = [schema[part] for part in ("type", "items", "values") if part in schema]
    parts += [field["type"] for field in schema.get("fields", ())]
    return any(_refers_to(part, names) for part in parts)


def decode(value: bytes, schema: Schema) -> Any:
    """Give a framed value's content as JSON would have it: dates, decimals and UUIDs are text.

    Raises InvalidRequest.
    """
    data = io.BytesIO(value[_HEAD.size :])
    try:
        content = _plain(fastavro.schemaless_reader(data, schema, None))
    except Exception:  # noqa: BLE001 - broken bytes raise whatever they lead to
        raise InvalidRequest("body", "its data isn't of its Avro schema") from None
    if data.read(1):
        raise InvalidRequest("body", "its data goes on where its Avro schema ends")
    return content


def encode(number: int, schema: Schema, content: Mapping[str, Any]) -> bytes:
    """Frame the content, written by the schema that has the number."""
    data = io.BytesIO(_HEAD.pack(0, number))
    data.seek(0, io.SEEK_END)
    fastavro.schemaless_writer(data, schema, content)
    return data.getvalue()


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {name: _plain(each) for name, each in value.items()}
        case list():
            return [_plain(each) for each in value]
        case date() | time():
            return value.isoformat()
        case Decimal() | UUID():
            return str(value)
    return value
