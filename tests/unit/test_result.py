"""A run as the record that tells its verdict."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from gatekeeper.domain.batch import Range
from gatekeeper.domain.run import Counts, Purpose, RequestId, Run, RunId, RunState, Trigger
from gatekeeper.domain.verdict import Verdict
from gatekeeper.kafka.wire import render_result
from gatekeeper.settings import ROOT

EXAMPLE = json.loads((ROOT / "docs/contracts/examples/result.json").read_text("utf-8"))

RUN = Run(
    id=RunId(UUID("5b0f6f6e-3c1d-4b8a-8a57-1e2d3c4b5a69")),
    request_id=RequestId(UUID("11111111-1111-4111-8111-111111111111")),
    warehouse="flights",
    table="flights.flights",
    trigger=Trigger.KAFKA,
    correlation_id="load-4711",
    batch=Range("flight_date", start="2013-01-01", end="2013-02-01"),
    rule_set_hash="9f2c",
    purpose=Purpose.JUDGE,
    compares_with=None,
    state=RunState.FINISHED,
    attempts=1,
    verdict=Verdict.FAIL,
    open=False,
    message="",
    counts=Counts(
        expected=2,
        executed=2,
        not_judged=0,
        skipped=0,
        outcomes={"fail": 1, "pass": 1},
        dimensions={"completeness": {"fail": 1}, "uniqueness": {"pass": 1}},
        kinds={"engineering": {"fail": 1, "pass": 1}},
    ),
    received_at=datetime(2013, 2, 1, 3, tzinfo=UTC),
    queued_at=None,
    started_at=None,
    finished_at=datetime(2013, 2, 1, 3, 0, 1, 250_000, tzinfo=UTC),
    acknowledged_at=None,
)


def test_the_example_is_what_a_run_becomes() -> None:
    key, value, headers = render_result(RUN, "flights-2013-01")
    assert key == b"flights.flights"
    assert json.loads(value) == EXAMPLE["value"]
    assert list(json.loads(value)) == list(EXAMPLE["value"])
    assert {name: text.decode() for name, text in headers} == EXAMPLE["headers"]


def test_a_request_without_a_name_has_the_id_of_the_store() -> None:
    _, value, headers = render_result(RUN)
    assert json.loads(value)["request_id"] == str(RUN.request_id)
    assert dict(headers)["request_id"] == str(RUN.request_id).encode()


def test_what_there_is_not_has_no_header() -> None:
    off = replace(
        RUN,
        state=RunState.CANCELLED,
        verdict=None,
        open=None,
        counts=None,
        correlation_id=None,
        batch=None,
    )
    _, value, headers = render_result(off)
    assert [name for name, _ in headers] == ["state", "request_id", "message_id"]
    assert dict(headers)["state"] == b"cancelled"
    content = json.loads(value)
    assert content["state"] == "cancelled"
    assert [content[name] for name in ("verdict", "open", "counts", "batch")] == [None] * 4


def test_an_open_gate_and_words_of_any_script() -> None:
    gate = replace(RUN, table="größe.表", open=True, correlation_id="é")
    key, value, headers = render_result(gate)
    assert key.decode() == json.loads(value)["table"] == "größe.表"
    assert dict(headers)["open"] == b"true"
    assert dict(headers)["correlation_id"].decode() == "é"
