"""Avro by a schema registry: triggers in, results out."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.domain.batch import Range
from gatekeeper.domain.errors import InvalidRequest, SchemaRegistryUnavailable
from gatekeeper.domain.watch import TableChange
from gatekeeper.kafka.wire import Registry, Trigger, read_record, render_result
from tests.unit.schema_registry import StandIn, running_registry
from tests.unit.test_result import RUN

MOMENT = {"type": "long", "logicalType": "timestamp-millis"}
DAY = {"type": "int", "logicalType": "date"}
BATCH = {
    "type": "record",
    "name": "Batch",
    "fields": [
        {"name": "column", "type": "string"},
        {"name": "from", "type": ["null", "long", DAY], "default": None},
        {"name": "to", "type": ["null", "string", "long"], "default": None},
        {"name": "values", "type": ["null", {"type": "array", "items": "string"}], "default": None},
    ],
}
TRIGGER = {
    "type": "record",
    "name": "Trigger",
    "fields": [
        {"name": "table", "type": "string"},
        {"name": "warehouse", "type": ["null", "string"], "default": None},
        {"name": "batch", "type": ["null", BATCH], "default": None},
        {"name": "request_id", "type": ["null", "string"], "default": None},
    ],
}


@pytest.fixture
def standing_in() -> Iterator[StandIn]:
    with running_registry() as registry:
        yield registry


def framed(number: int, schema: Any, content: Any) -> bytes:
    data = io.BytesIO()
    fastavro.schemaless_writer(data, fastavro.parse_schema(schema), content)
    return struct.pack(">bI", 0, number) + data.getvalue()


def unframed(value: bytes, schema: Any) -> Any:
    return fastavro.schemaless_reader(io.BytesIO(value[5:]), fastavro.parse_schema(schema), None)


def read(registry: Registry, value: bytes) -> Any:
    return read_record(value, None, [], registry.decode)


def test_a_trigger_in_avro_is_the_plain_one(standing_in: StandIn) -> None:
    value = framed(
        standing_in.add(TRIGGER),
        TRIGGER,
        {
            "table": "a.b",
            "request_id": "r",
            "batch": {"column": "day", "from": date(2024, 1, 1), "to": "2024-02-01"},
        },
    )
    batch = Range("day", start="2024-01-01", end="2024-02-01")
    assert read(Registry(standing_in.url), value) == Trigger("a.b", batch=batch, request_id="r")


def test_a_schema_is_asked_for_once(standing_in: StandIn) -> None:
    number = standing_in.add(TRIGGER)
    registry = Registry(standing_in.url + "/")
    for table in ("a.b", "a.c"):
        assert read(registry, framed(number, TRIGGER, {"table": table})) == Trigger(table)
    assert standing_in.asked == [f"GET /schemas/ids/{number}"]


def test_user_and_password_may_stand_in_the_url(standing_in: StandIn) -> None:
    url = standing_in.url.replace("//", "//me:secret@")
    read(Registry(url), framed(standing_in.add(TRIGGER), TRIGGER, {"table": "a.b"}))
    assert standing_in.authorization == "Basic bWU6c2VjcmV0"


def test_what_avro_knows_better_than_json_becomes_text(standing_in: StandIn) -> None:
    amount = {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}
    row = {
        "type": "record",
        "name": "Row",
        "fields": [{"name": "at", "type": MOMENT}, {"name": "amount", "type": amount}],
    }
    source = {
        "type": "record",
        "name": "Source",
        "fields": [{"name": "db", "type": "string"}, {"name": "table", "type": "string"}],
    }
    change = {
        "type": "record",
        "name": "Change",
        "fields": [
            {"name": "op", "type": "string"},
            {"name": "source", "type": source},
            {"name": "after", "type": row},
        ],
    }
    content = {
        "op": "c",
        "source": {"db": "shop", "table": "orders"},
        "after": {"at": datetime(2024, 1, 1, tzinfo=UTC), "amount": Decimal("1.50")},
    }
    value = framed(standing_in.add(change), change, content)
    expected = {"at": "2024-01-01T00:00:00+00:00", "amount": "1.50"}
    found = read(Registry(standing_in.url), value)
    assert found == TableChange("shop", None, "orders", expected)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"\x00", "Avro that breaks off before its data"),
        (b"\x00\x00\x00\x00\x09", "the registry has no schema 9"),
        (b"\x00\x00\x00\x00\x01", "its data isn't of its Avro schema"),
        (b"\x00\x00\x00\x00\x01\x06a.b\x00\x00\x00more", "its data goes on"),
        (b"\x00\x00\x00\x00\x02", "the schema 2 isn't Avro"),
        (b"\x00\x00\x00\x00\x03", "its Avro schema can't be understood"),
        (b"\x00\x00\x00\x00\x04\x02a", "must be an object"),
    ],
)
def test_avro_that_can_not_be_read_is_the_records_fault(
    standing_in: StandIn, value: bytes, reason: str
) -> None:
    standing_in.add(TRIGGER)
    standing_in.add({}, schemaType="JSON")
    standing_in.add({"type": "record", "name": "x", "fields": [{"name": "y", "type": "other.Z"}]})
    standing_in.add("string")
    with pytest.raises(InvalidRequest) as refused:
        read(Registry(standing_in.url), value)
    assert refused.value.field == "body"
    assert refused.value.reason.startswith(reason)


@pytest.mark.parametrize(
    "within",
    [
        lambda itself: ["null", itself],
        lambda itself: {"type": "array", "items": itself},
        lambda itself: {"type": "map", "values": itself},
        lambda itself: {
            "type": "record",
            "name": "Inner",
            "fields": [{"name": "outer", "type": ["null", itself]}],
        },
    ],
)
def test_a_schema_that_refers_to_itself_is_refused_before_it_ends_the_process(
    standing_in: StandIn, within: Callable[[str], Any]
) -> None:
    fields = [{"name": "next", "type": within("shop.Node")}]
    number = standing_in.add(
        {"type": "record", "name": "Node", "namespace": "shop", "fields": fields}
    )
    deep = struct.pack(">bI", 0, number) + b"\x02" * 100_000
    with pytest.raises(InvalidRequest, match="its Avro schema refers to itself"):
        read(Registry(standing_in.url), deep)


def test_a_type_may_be_used_twice(standing_in: StandIn) -> None:
    fields = [
        {"name": "table", "type": {"type": "enum", "name": "Known", "symbols": ["x"]}},
        {"name": "warehouse", "type": "Known"},
    ]
    schema = {"type": "record", "name": "Trigger", "fields": fields}
    value = framed(standing_in.add(schema), schema, {"table": "x", "warehouse": "x"})
    with pytest.raises(InvalidRequest, match=r"^table: "):
        read(Registry(standing_in.url), value)


def test_a_trigger_in_avro_is_refused_with_the_path(standing_in: StandIn) -> None:
    value = framed(standing_in.add(TRIGGER), TRIGGER, {"table": "a"})
    with pytest.raises(InvalidRequest) as refused:
        read(Registry(standing_in.url), value)
    assert refused.value.field == "table"


@pytest.mark.parametrize(
    "broken",
    [
        (500, b"{}"),
        (401, b'{"error_code": 40101}'),
        (404, b"<html>no such page</html>"),
        (404, b"{}"),
        (200, b"not JSON"),
        (200, b"[]"),
        (200, b"{}"),
    ],
)
def test_a_registry_that_can_not_answer_is_not_the_records_fault(
    standing_in: StandIn, broken: tuple[int, bytes]
) -> None:
    value = framed(standing_in.add(TRIGGER), TRIGGER, {"table": "a.b"})
    registry = Registry(standing_in.url)
    standing_in.broken = broken
    with pytest.raises(SchemaRegistryUnavailable):
        read(registry, value)
    standing_in.broken = None
    assert read(registry, value) == Trigger("a.b")


def test_a_registry_that_is_away_keeps_its_password() -> None:
    with running_registry() as gone:
        url = gone.url.replace("//", "//me:hunter2@")
    with pytest.raises(SchemaRegistryUnavailable) as away:
        Registry(url).decode(b"\x00\x00\x00\x00\x01")
    assert "GET /schemas/ids/1: ConnectionError" in str(away.value)
    assert "hunter2" not in str(away.value)


@given(data=st.binary())
def test_whatever_comes_in_avro_is_read_or_refused(registry_of_one: Registry, data: bytes) -> None:
    found: object
    try:
        found = read(registry_of_one, b"\x00\x00\x00\x00\x01" + data)
    except InvalidRequest as refused:
        found = refused
    assert isinstance(found, Trigger | InvalidRequest)


@pytest.fixture(scope="module")
def registry_of_one() -> Iterator[Registry]:
    with running_registry() as standing_in:
        standing_in.add(TRIGGER)
        yield Registry(standing_in.url)


# Results


def test_a_result_in_avro_has_the_fields_of_the_json_one(standing_in: StandIn) -> None:
    registry = Registry(standing_in.url)
    encode = partial(registry.encode_result, "stringx.results")
    key, value, headers = render_result(RUN, "r", encode)
    number = standing_in.subjects["stringx.results-value"]
    assert value[:5] == struct.pack(">bI", 0, number)
    found = unframed(value, json.loads(standing_in.schemas[number]["schema"]))
    plain_key, plain, plain_headers = render_result(RUN, "r")
    expected = json.loads(plain)
    assert (key, headers) == (plain_key, plain_headers)
    assert json.loads(found.pop("batch")) == expected.pop("batch")
    assert [found.pop(name) for name in ("received_at", "finished_at")] == [
        RUN.received_at,
        RUN.finished_at,
    ]
    del expected["received_at"], expected["finished_at"]
    assert found == expected


def test_a_result_without_a_verdict_is_written_too(standing_in: StandIn) -> None:
    off = replace(RUN, verdict=None, open=None, counts=None, batch=None, finished_at=None)
    _, value, _ = render_result(off, None, partial(Registry(standing_in.url).encode_result, "t"))
    found = unframed(value, json.loads(standing_in.schemas[1]["schema"]))
    assert [found[name] for name in ("verdict", "open", "counts", "batch")] == [None] * 4


def test_a_batch_of_huge_numbers_is_written_too(standing_in: StandIn) -> None:
    huge = replace(RUN, batch=Range("id", start=10**400))
    _, value, _ = render_result(huge, None, partial(Registry(standing_in.url).encode_result, "t"))
    found = unframed(value, json.loads(standing_in.schemas[1]["schema"]))
    assert json.loads(found["batch"]) == {"column": "id", "from": 10**400}


def test_the_schema_of_results_is_registered_once_for_a_topic(standing_in: StandIn) -> None:
    registry = Registry(standing_in.url)
    for topic in ("t", "t", "u"):
        render_result(RUN, None, partial(registry.encode_result, topic))
    assert standing_in.asked == [
        "POST /subjects/t-value",
        "POST /subjects/t-value/versions",
        "POST /subjects/u-value",
        "POST /subjects/u-value/versions",
    ]
    render_result(RUN, None, partial(Registry(standing_in.url).encode_result, "t"))
    assert standing_in.asked[4:] == ["POST /subjects/t-value"]


def test_a_registry_that_takes_no_schema_is_told(standing_in: StandIn) -> None:
    standing_in.may_register = False
    with pytest.raises(SchemaRegistryUnavailable, match="versions: it answered 403"):
        render_result(RUN, None, partial(Registry(standing_in.url).encode_result, "t"))
