"""Debezium's change events, with the schema that Kafka Connect puts beside them or without."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from gatekeeper.configuration.document import Name
from gatekeeper.contracts.problems import validate
from gatekeeper.domain.errors import InvalidRequest
from gatekeeper.domain.watch import TableChange
from gatekeeper.kafka.wire.connect_types import convert_row
from gatekeeper.kafka.wire.record import Ignored

Row = dict[str, Any]


class _Read(BaseModel):
    """What is read of a form that has more."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)


class Source(_Read):
    """Where the row is; MySQL has no `schema`."""

    db: Name
    db_schema: Name | None = Field(default=None, alias="schema")
    table: Name


class ChangeEvent(_Read):
    """A row was created, updated, deleted or read in a snapshot; or the table was truncated."""

    op: Literal["c", "u", "d", "r", "t"]
    source: Source
    before: Row | None = None
    after: Row | None = None


class ChangeWithSchema(_Read):
    """The same as Connect's JSON converter writes it by default."""

    # Named so that it doesn't hide a method of pydantic's.
    connect_schema: Row | None = Field(alias="schema")
    payload: ChangeEvent | None


def is_change(content: Mapping[str, Any]) -> bool:
    """Whether it is a change event."""
    return "op" in content or "payload" in content


def read_change(content: Mapping[str, Any]) -> TableChange | Ignored:
    """Read a change event; raises InvalidRequest. Dates and times become text by the schema; where
    there is none they stay the numbers they are.
    """
    if _is_message(content.get("payload", content)):
        return Ignored("a message in the database's log: no table has changed")
    if "payload" not in content:
        return _build_change(validate(ChangeEvent, content), None, "after")
    change = validate(ChangeWithSchema, content)
    if change.payload is None:
        return Ignored("a tombstone: a row is gone")
    return _build_change(change.payload, change.connect_schema, "payload.after")


def _is_message(event: Any) -> bool:
    return isinstance(event, dict) and event.get("op") == "m"


def _build_change(event: ChangeEvent, schema: Row | None, after: str) -> TableChange:
    source = event.source
    values = _values(event, schema, after)
    return TableChange(source.db, source.db_schema, source.table, values)


def _values(event: ChangeEvent, schema: Row | None, after: str) -> Row:
    match event.op:
        case "t":
            return {}
        case "d":
            # A source that doesn't log what was there before gives none.
            return convert_row(event.before or {}, schema, "before")
    if event.after is None:
        raise InvalidRequest(after, "must be an object")
    return convert_row(event.after, schema, "after")
