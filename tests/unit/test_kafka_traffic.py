"""The proof over Kafka sees what it is there to see: each kind of loss is a fault."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from bench.kafka_traffic import CameOut, Judged, Told, build_table, build_traffic, find_faults

TRAFFIC = build_traffic(200, random.Random(1))


def answer_all() -> CameOut:
    """What comes out where nothing goes wrong."""
    triggers = {each.request_id: each.verdict for each in TRAFFIC if each.request_id}
    return CameOut(
        records=200,
        committed=200,
        runs={each: [Judged("finished", verdict, 1)] for each, verdict in triggers.items()},
        told={each: [Told(each, each, verdict)] for each, verdict in triggers.items()},
        letters=[each.value for each in TRAFFIC if not each.request_id],
    )


def test_of_the_records_some_are_duplicates_and_some_are_poison() -> None:
    requests = [each.request_id for each in TRAFFIC if each.request_id]
    assert (len(TRAFFIC), len(requests), len(set(requests))) == (200, 196, 176)
    assert {each.verdict for each in TRAFFIC if each.request_id} == {"pass", "fail", "no_data"}
    assert len({each.value for each in TRAFFIC}) == 180


def test_what_is_right_has_no_fault() -> None:
    assert find_faults(TRAFFIC, answer_all()) == []


def test_a_result_that_was_sent_again_is_no_fault() -> None:
    out = answer_all()
    told = {each: [*messages, *messages] for each, messages in out.told.items()}
    out = replace(out, told=told, letters=[*out.letters, *out.letters])
    assert find_faults(TRAFFIC, out) == []
    table = dict(build_table(TRAFFIC, out))
    assert (table["results sent again, with the same id"], table["message ids"]) == (176, 176)


def test_a_run_whose_attempts_are_used_up_is_no_fault() -> None:
    out = answer_all()
    runs = {**out.runs, "request-1": [Judged("finished", "error", 4)]}
    told = {**out.told, "request-1": [Told("1", "1", "error")]}
    assert find_faults(TRAFFIC, replace(out, runs=runs, told=told)) == []


def without_one(content: Mapping[str, Any]) -> dict[str, Any]:
    return {each: value for each, value in content.items() if each != "request-1"}


FAULTS: dict[str, Callable[[CameOut], dict[str, Any]]] = {
    "records on the topic": lambda _: {"records": 199, "committed": 199},
    "offsets committed": lambda _: {"committed": 199},
    "requests in the store: 1 missing": lambda out: {"runs": without_one(out.runs)},
    "requests in the store: 1 that should": lambda out: {"runs": {**out.runs, "poison-2": []}},
    "requests with a result: 1 missing": lambda out: {"told": without_one(out.told)},
    "dead letters: 1 missing": lambda out: {"letters": out.letters[1:]},
    "dead letters: 1 that should": lambda out: {"letters": [*out.letters, b"more"]},
    "request-1: pass was to": lambda out: {
        "runs": {**out.runs, "request-1": [Judged("finished", "fail", 1)]},
        "told": {**out.told, "request-1": [Told("1", "1", "fail")]},
    },
    "request-1: pass was to come out": lambda out: {
        "runs": {**out.runs, "request-1": [*out.runs["request-1"]] * 2}
    },
    "request-1: pass was": lambda out: {
        "runs": {**out.runs, "request-1": [Judged("finished", "error", 1)]},
        "told": {**out.told, "request-1": [Told("1", "1", "error")]},
    },
    "request-1: [Told": lambda out: {
        "told": {**out.told, "request-1": [Told("1", "1", "pass"), Told("2", "1", "pass")]}
    },
    "request-1: [Told(": lambda out: {"told": {**out.told, "request-1": [Told("1", "1", "fail")]}},
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_lost_or_said_twice_is_a_fault(fault: str) -> None:
    out = answer_all()
    (found,) = find_faults(TRAFFIC, replace(out, **FAULTS[fault](out)))
    assert found.startswith(fault)
