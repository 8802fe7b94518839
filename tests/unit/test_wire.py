"""Records on Kafka: what they come to, and that they are refused as a call of the API is."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from api.factory import create_app
from gatekeeper.contracts.json_text import MAX_BODY_BYTES
from gatekeeper.contracts.problems import MAX_PATH_LENGTH
from gatekeeper.domain.errors import InvalidRequest, UnknownGate
from gatekeeper.domain.watch import TableChange
from gatekeeper.kafka.wire import (
    Ignored,
    Trigger,
    WarehouseAddress,
    read_record,
    render_dead_letter_headers,
)

EVENT = {
    "specversion": "1.0",
    "id": "7f3c",
    "source": "/loads",
    "type": "stringx.trigger",
    "data": {"table": "a.b"},
}
BINARY = [
    ("ce_specversion", b"1.0"),
    ("ce_id", b"7f3c"),
    ("ce_source", b"/loads"),
    ("ce_type", b"stringx.trigger"),
]
SOURCE = {"db": "shop", "schema": "public", "table": "orders"}
CHANGE = {"op": "c", "source": SOURCE, "after": {"id": 1}}


def read(content: Any, headers: list[tuple[str, bytes | None]] | None = None) -> Any:
    return read_record(json.dumps(content).encode(), None, headers or [])


def refusal(content: Any, headers: list[tuple[str, bytes | None]] | None = None) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as refused:
        read(content, headers)
    return refused.value


# As over HTTP


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    """An API without a backend: what is asked of it here is refused before it needs one."""
    return create_app(None).test_client()


def batch(text: str) -> str:
    return '{"table": "a.b", "batch": ' + text + "}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '"text"',
        "5",
        "{}",
        "[" * 100_000,
        '{"table": "orders"}',
        '{"table": 5}',
        '{"table": "a.b", "colour": "red"}',
        '{"colour": "red", "shape": "round"}',
        '{"table": "a.b", "correlation_id": 5}',
        '{"table": "a.b", "table": "a.c"}',
        '{"table": "a.\\u0000"}',
        '{"table": "a.\\ud800"}',
        '{"a\\ud800": 1}',
        '{"table": "a.b", "\\u0000": 1}',
        '{"table": "a.b", "' + "x" * 1000 + '": 1}',
        batch("5"),
        batch("{}"),
        batch('{"column": "a"}'),
        batch('{"column": "a", "from": 1, "after": 1}'),
        batch('{"column": "a", "from": 1, "values": [1]}'),
        batch('{"column": "a", "values": []}'),
        batch('{"column": "a", "values": [null]}'),
        batch('{"column": "a", "values": [NaN]}'),
        batch('{"column": "a", "values": [1e999]}'),
        batch('{"column": "a", "values": ["\\u0000"]}'),
        batch('{"column": "a", "values": ["' + "x" * 1001 + '"]}'),
        batch('{"column": "a", "values": [' + "9" * 5000 + "]}"),
        b"\xff",
    ],
)
def test_a_message_is_refused_in_the_words_of_http(client: FlaskClient, text: str | bytes) -> None:
    answer = client.post("/api/v1/runs", data=text, content_type="application/json")
    assert answer.status_code == 422
    with pytest.raises(InvalidRequest) as refused:
        read_record(text if isinstance(text, bytes) else text.encode(), None, [])
    assert answer.get_json()["detail"] == str(refused.value)
    assert answer.get_json()["errors"][0]["path"] == refused.value.field


@pytest.mark.parametrize(
    ("text", "field", "reason"),
    [
        ("[]", "body", "must be an object"),
        ('{"table": "a.b", "colour_": "red"}', "colour_", "no such field"),
        ('{"table": "a.b", "table": "a.c"}', "body", "'table' stands twice in an object"),
        (
            batch('{"column": "a", "values": [1, null]}'),
            "batch.values.1",
            "must be a text, a number, true or false",
        ),
        (batch('{"column": "a", "values": [1e999]}'), "batch.values.0", "Input should be a finite"),
        (batch('{"column": "a", "values": [NaN]}'), "body", "not JSON: NaN is no JSON number"),
    ],
)
def test_the_words_name_what_is_wrong(text: str, field: str, reason: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read_record(text.encode(), None, [])
    assert refused.value.field == field
    assert refused.value.reason.startswith(reason)


def test_a_message_over_the_limit_is_refused_unread() -> None:
    with pytest.raises(InvalidRequest) as refused:
        read_record(b"{" * (MAX_BODY_BYTES + 1), None, [])
    assert str(refused.value) == "body: over 1048576 bytes"
    at_the_limit = b'{"table": "a.b"}'.ljust(MAX_BODY_BYTES)
    assert read_record(at_the_limit, None, []) == Trigger("a.b")


def test_a_refusal_stays_small_however_much_is_wrong() -> None:
    refused = refusal({"x" * 1000 + str(number): 1 for number in range(500)})
    assert len(refused.field) <= MAX_PATH_LENGTH
    assert len(refused.reason) < 2000


@pytest.mark.parametrize("request_id", ["", "x" * 256, 5])
def test_a_request_id_has_its_bounds(request_id: Any) -> None:
    assert refusal({"table": "a.b", "request_id": request_id}).field == "request_id"
    longest = "x" * 255
    found = read({"table": "a.b", "request_id": longest})
    assert found == Trigger("a.b", request_id=longest)


def test_a_record_without_a_value_is_ignored() -> None:
    assert read_record(None, b"key", []) == Ignored("a tombstone: a row is gone")
    assert read_record(None, None, []) == Ignored("neither key nor value")


def test_avro_needs_a_registry() -> None:
    with pytest.raises(InvalidRequest, match="no schema registry"):
        read_record(b"\x00\x00\x00\x00\x01", None, [])
    found = read_record(b"\x00...", None, [], lambda value: {"table": f"a.b{len(value)}"})
    assert found == Trigger("a.b4")


# CloudEvents


@pytest.mark.parametrize(
    ("headers", "media_type"),
    [([("Content-Type", b"application/cloudevents+json; charset=UTF-8")], True), ([], False)],
)
def test_an_event_is_told_by_its_media_type_or_its_version(
    headers: list[tuple[str, bytes | None]], *, media_type: bool
) -> None:
    assert read(EVENT, headers) == Trigger("a.b", request_id="7f3c")
    rest = {name: value for name, value in EVENT.items() if name != "specversion"}
    assert refusal(rest, headers).field == ("specversion" if media_type else "table")


@pytest.mark.parametrize("name", ["specversion", "id", "source", "type", "data"])
def test_an_event_needs_its_attributes(name: str) -> None:
    headers: list[tuple[str, bytes | None]] = [("content-type", b"application/cloudevents+json")]
    rest = {each: value for each, value in EVENT.items() if each != name}
    assert str(refusal(rest, headers)) == f"{name}: Field required"


@pytest.mark.parametrize(
    ("name", "value"),
    [("specversion", "0.3"), ("id", ""), ("id", "x" * 256), ("source", ""), ("type", "other")],
)
def test_an_attribute_is_named_by_where_it_stands(name: str, value: str) -> None:
    assert refusal({**EVENT, name: value}).field == name
    headers = [*BINARY, (f"ce_{name}", value.encode())]
    assert refusal({"table": "a.b"}, list(headers)).field == f"ce_{name}"


def test_a_header_that_is_no_text_is_refused() -> None:
    assert str(refusal({}, [*BINARY, ("ce_id", b"\xff")])) == "ce_id: isn't UTF-8"
    assert read({"table": "a.b"}, [("trace", b"\xff"), ("ce_id", None)]) == Trigger("a.b")


@pytest.mark.parametrize("ids", [{}, {"request_id": "mine", "correlation_id": "my-load"}])
def test_what_the_data_calls_itself_counts(ids: dict[str, str]) -> None:
    data = {"table": "a.b", **ids}
    expected = Trigger(
        "a.b",
        request_id=ids.get("request_id", "7f3c"),
        correlation_id=ids.get("correlation_id", "load"),
    )
    assert read({**EVENT, "correlationid": "load", "data": data}) == expected
    assert read(data, [*BINARY, ("ce_correlationid", b"load")]) == expected


def test_the_data_of_an_event_in_headers_is_a_plain_trigger() -> None:
    assert str(refusal([], list(BINARY))) == "body: must be an object"
    assert str(refusal({**EVENT, "data": []})) == "data: must be an object"


# Debezium


@pytest.mark.parametrize("op", ["c", "u", "r"])
def test_a_row_as_it_is_now(op: str) -> None:
    event = {**CHANGE, "op": op, "before": {"id": 0}}
    change = TableChange("shop", "public", "orders", {"id": 1})
    assert read(event) == change
    assert read({"schema": None, "payload": event}) == change


@pytest.mark.parametrize(("before", "values"), [({"id": 0}, {"id": 0}), (None, {})])
def test_a_deleted_row_is_what_is_known_of_it(before: Any, values: dict[str, Any]) -> None:
    event = {"op": "d", "source": SOURCE, "before": before, "after": None}
    assert read(event) == TableChange("shop", "public", "orders", values)


def test_a_message_in_the_log_is_no_change() -> None:
    message = {"op": "m", "source": {**SOURCE, "table": ""}, "message": {}}
    assert isinstance(read(message), Ignored)
    assert isinstance(read({"schema": {}, "payload": message}), Ignored)


@pytest.mark.parametrize(
    ("event", "field"),
    [
        ({**CHANGE, "op": "x"}, "op"),
        ({**CHANGE, "op": []}, "op"),
        ({**CHANGE, "source": 5}, "source"),
        ({**CHANGE, "source": {**SOURCE, "db": ""}}, "source.db"),
        ({**CHANGE, "source": {"db": "shop", "collection": "orders"}}, "source.table"),
        ({**CHANGE, "source": {**SOURCE, "schema": "\0"}}, "source.schema"),
        ({**CHANGE, "after": None}, "after"),
        ({**CHANGE, "after": []}, "after"),
    ],
)
def test_a_change_is_refused_with_the_path(event: dict[str, Any], field: str) -> None:
    assert refusal(event).field == field
    assert refusal({"schema": None, "payload": event}).field == f"payload.{field}"


@pytest.mark.parametrize("payload", [5, [], {}])
def test_a_payload_must_be_a_change(payload: Any) -> None:
    assert refusal({"schema": None, "payload": payload}).field.startswith("payload")


DEBEZIUM = "io.debezium.time."
CONNECT = "org.apache.kafka.connect.data."


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        (DEBEZIUM + "Date", 19723, "2024-01-01"),
        (CONNECT + "Date", -1, "1969-12-31"),
        (DEBEZIUM + "Timestamp", 1704101400250, "2024-01-01T09:30:00.250"),
        (CONNECT + "Timestamp", 1704101400000, "2024-01-01T09:30:00"),
        (DEBEZIUM + "MicroTimestamp", 1704101400000250, "2024-01-01T09:30:00.000250"),
        (DEBEZIUM + "MicroTimestamp", -1, "1969-12-31T23:59:59.999999"),
        (DEBEZIUM + "NanoTimestamp", 1704101400000000100, "2024-01-01T09:30:00.000000100"),
        (DEBEZIUM + "Time", 34200250, "09:30:00.250"),
        (CONNECT + "Time", 34200000, "09:30:00"),
        (DEBEZIUM + "MicroTime", 34200000250, "09:30:00.000250"),
        (DEBEZIUM + "NanoTime", 34200000000100, "09:30:00.000000100"),
    ],
)
def test_the_schema_tells_what_a_number_means(name: str, value: int, text: str) -> None:
    assert converted(name, value) == text
    assert converted(None, value) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (DEBEZIUM + "ZonedTimestamp", "2024-01-01T09:30:00Z"),
        (DEBEZIUM + "Date", None),
        (DEBEZIUM + "Date", True),
        (DEBEZIUM + "Date", 2**31 - 1),
        (DEBEZIUM + "MicroTimestamp", 2**63 - 1),
        (DEBEZIUM + "MicroTimestamp", 10**40),
        (DEBEZIUM + "Time", 86_400_000),
        (DEBEZIUM + "Time", -1),
        (DEBEZIUM + "Year", 2024),
        ("someone.elses.Date", 19723),
    ],
)
def test_what_is_no_date_in_numbers_stays(name: str, value: Any) -> None:
    found = converted(name, value)
    assert (found, type(found)) == (value, type(value))


def converted(name: str | None, value: Any) -> Any:
    column = {"field": "at", "type": "int64", "name": name}
    schema = {"type": "struct", "fields": [{"field": "after", "fields": [column]}]}
    change = read({"schema": schema, "payload": {**CHANGE, "after": {"at": value}}})
    return change.values["at"]


@pytest.mark.parametrize(
    "schema",
    [
        None,
        {},
        {"fields": 5},
        {"fields": [5, {"field": 5}, {"field": []}]},
        {"fields": [{"field": "after"}]},
        {"fields": [{"field": "after", "fields": [{"field": "id", "name": []}]}]},
    ],
)
def test_a_schema_that_says_nothing_changes_nothing(schema: Any) -> None:
    found = read({"schema": schema, "payload": CHANGE})
    assert found == TableChange("shop", "public", "orders", {"id": 1})


# Datasets


@pytest.mark.parametrize(
    ("uri", "host", "port", "database", "table"),
    [
        ("postgres://db/shop/public/orders", "db", 5432, "shop", "public.orders"),
        ("postgresql://DB:5433/shop.public.orders", "db", 5433, "shop", "public.orders"),
        ("postgres://[::1]:1/shop/public/or%20ders", "::1", 1, "shop", "public.or ders"),
        ("postgres://db/my.shop/public/orders", "db", 5432, "my.shop", "public.orders"),
    ],
)
def test_a_dataset_names_a_table_by_its_place(
    uri: str, host: str, port: int, database: str, table: str
) -> None:
    expected = Trigger(table, WarehouseAddress(host, port, database), request_id="r")
    assert read({"dataset": uri, "request_id": "r"}) == expected


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "orders",
        "s3://bucket/a/b/c",
        "postgres://db/shop/orders",
        "postgres://db/shop/public/orders/more",
        "postgres://db/shop//orders",
        "postgres://db/shop/public/or.ders",
        "postgres://db/shop/public/or%2Eders",
        "postgres://db/shop/public/orders%00",
        "postgres://db/shop/public/orders?x=1",
        "postgres://db/shop/public/orders#x",
        "postgres:///shop/public/orders",
        "postgres://db:port/shop/public/orders",
        "postgres://db:99999/shop/public/orders",
        "postgres://[::1/shop/public/orders",
        "postgres://me@db/shop/public/orders",
        "x" * 2001,
        5,
    ],
)
def test_a_dataset_that_names_no_table_is_refused(uri: Any) -> None:
    assert refusal({"dataset": uri}).field == "dataset"


def test_a_password_in_a_dataset_is_not_repeated() -> None:
    for host in ("db", "db:port", "[db", "\u2100"):
        refused = refusal({"dataset": f"postgres://me:hunter2@{host}/shop/public/orders"})
        assert "hunter2" not in str(refused)


# Whatever comes

NAMES = ("table", "op", "source", "payload", "schema", "specversion", "data", "dataset", "batch")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=5), inner, max_size=5)
    ),
    max_leaves=20,
)
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(["content-type", "ce_specversion", "ce_id", "ce_type", "other"]),
        st.none() | st.binary() | st.just(b"1.0") | st.just(b"application/cloudevents+json"),
    )
)
BYTES = st.binary() | VALUES.map(lambda value: json.dumps(value).encode())


@given(BYTES, HEADERS)
def test_whatever_comes_is_read_or_refused(
    value: bytes, headers: list[tuple[str, bytes | None]]
) -> None:
    found: object
    try:
        found = read_record(value, None, headers)
    except InvalidRequest as refused:
        found = refused
    assert isinstance(found, Trigger | TableChange | Ignored | InvalidRequest)
    assert str(found).encode()
    assert "\0" not in str(found)


@given(
    op=st.sampled_from("cudrt"),
    row=st.dictionaries(st.text(), VALUES, max_size=3),
    schema=VALUES,
)
def test_whatever_a_row_holds_is_read_or_refused(op: str, row: dict[str, Any], schema: Any) -> None:
    event = {"op": op, "source": SOURCE, "before": row, "after": row}
    found: object
    try:
        found = read({"schema": schema, "payload": event})
    except InvalidRequest as refused:
        found = refused
    assert isinstance(found, TableChange | InvalidRequest)


# Dead letters


def test_a_dead_letter_says_why_and_from_where() -> None:
    came = [("trace", b"1"), ("stringx_reason", b"an older one"), ("empty", None)]
    at = datetime(2024, 1, 1, tzinfo=UTC)
    error = InvalidRequest("batch.column", "Field required")
    assert render_dead_letter_headers(came, error, ("stringx.triggers", 3, 14), at) == [
        ("trace", b"1"),
        ("empty", None),
        ("stringx_topic", b"stringx.triggers"),
        ("stringx_partition", b"3"),
        ("stringx_offset", b"14"),
        ("stringx_field", b"batch.column"),
        ("stringx_reason", b"Field required"),
        ("stringx_refused_at", b"2024-01-01T00:00:00+00:00"),
    ]


def test_a_dead_letter_without_a_field_has_a_reason_of_bounded_length() -> None:
    at = datetime(2024, 1, 1, tzinfo=UTC)
    headers = dict(render_dead_letter_headers([], UnknownGate("x" * 5000), ("t", 0, 0), at))
    assert "stringx_field" not in headers
    reason = headers["stringx_reason"]
    assert reason is not None
    assert len(reason) == 1000
