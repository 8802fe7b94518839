"""What is sent to a gate over Kafka, what came of it, and what is wrong where they don't agree.

Of the records a tenth asks what another asked, with the same request id, and 2 in 100 are poison.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from gatekeeper.domain.run import MAX_ATTEMPTS

TABLE = "shop.orders"
RULES = ({"name": "customer_present", "type": "not_null", "parameters": {"column": "customer_id"}},)
IDS = 100
SCHEMA = f"""
create schema shop;
create table shop.orders as
    select i as id, case when i % 10 > 0 then i end as customer_id from range({IDS}) t(i);
"""
DUPLICATES = 0.1
POISON = 0.02
SHOWN = 5
# Refused before the gate is looked for, by the gate that isn't there, and by what is asked of it.
POISONS = (
    "\xff {number}",
    '{{"number": {number}',
    '{{"table": "shop.gone", "request_id": "poison-{number}"}}',
    '{{"table": "shop.orders", "request_id": "poison-{number}", "batch": 1}}',
)


@dataclass(frozen=True)
class Sent:
    """A record to send. A poison has no request id; of a trigger the verdict is known."""

    value: bytes
    request_id: str = ""
    verdict: str = ""


@dataclass(frozen=True)
class Judged:
    """A run as the store has it."""

    state: str | None
    verdict: str | None
    attempts: int | None

    @property
    def is_given_up(self) -> bool:
        """Whether it could not be judged because its attempts are used up."""
        return self.verdict == "error" and (self.attempts or 0) >= MAX_ATTEMPTS


@dataclass(frozen=True)
class Told:
    """A message of the results' topic."""

    message_id: str
    run_id: str
    verdict: str


@dataclass(frozen=True)
class CameOut:
    """What is there in the end: how many records the topic of triggers holds and how many of them
    are committed, the runs and the messages of each request id, and the dead letters.
    """

    records: int
    committed: int
    runs: Mapping[str, Sequence[Judged]]
    told: Mapping[str, Sequence[Told]]
    letters: Sequence[bytes]


def make_warehouse(file: Path) -> dict[str, str]:
    """Make the table that is judged, in a DuckDB file; gives its connection."""
    with duckdb.connect(str(file)) as database:
        database.execute(SCHEMA)
    return {"path": str(file)}


def build_traffic(records: int, chance: random.Random) -> list[Sent]:
    """Build that many records, in any order."""
    poison, again = int(records * POISON), int(records * DUPLICATES)
    triggers = [_build_trigger(number) for number in range(records - poison - again)]
    poisons = [
        Sent(POISONS[number % len(POISONS)].format(number=number).encode("latin-1"))
        for number in range(poison)
    ]
    traffic = [*triggers, *chance.choices(triggers, k=again), *poisons]
    chance.shuffle(traffic)
    return traffic


def _build_trigger(number: int) -> Sent:
    """Every tenth order fails, and a sixth of the triggers asks for orders that aren't there."""
    order = number % (IDS + IDS // 5)
    request_id = f"request-{number}"
    body = {
        "table": TABLE,
        "request_id": request_id,
        "batch": {"column": "id", "values": [order]},
    }
    verdict = "no_data" if order >= IDS else "pass" if order % 10 else "fail"
    return Sent(json.dumps(body).encode(), request_id, verdict)


def find_faults(traffic: Sequence[Sent], out: CameOut) -> list[str]:
    """Give all that is wrong, a sentence each."""
    requests = {each.request_id: each.verdict for each in traffic if each.request_id}
    poison = {each.value for each in traffic if not each.request_id}
    return [
        *_compare("records on the topic", len(traffic), out.records),
        *_compare("offsets committed", out.records, out.committed),
        *_compare_sets("requests in the store", requests, out.runs),
        *_compare_sets("requests with a result", requests, out.told),
        *_compare_sets("dead letters", poison, out.letters),
        *(
            fault
            for request_id in sorted(requests.keys() & out.runs.keys() & out.told.keys())
            for fault in _find_faults_of(
                request_id, requests[request_id], out.runs[request_id], out.told[request_id]
            )
        ),
    ]


def _compare(what: str, wanted: int, found: int) -> list[str]:
    return [] if found == wanted else [f"{what}: {found}, not {wanted}"]


def _compare_sets(what: str, wanted: Iterable[object], found: Iterable[object]) -> list[str]:
    missing, more = sorted(map(str, {*wanted} - {*found})), sorted(map(str, {*found} - {*wanted}))
    return [
        f"{what}: {len(each)} {how}, as {', '.join(each[:SHOWN])}"
        for how, each in (("missing", missing), ("that should not be there", more))
        if each
    ]


def _find_faults_of(
    request_id: str, verdict: str, runs: Sequence[Judged], told: Sequence[Told]
) -> list[str]:
    """One run with the verdict that is known, told with one id and no other verdict."""
    faults = []
    if len(runs) != 1 or not (runs[0].verdict == verdict or runs[0].is_given_up):
        faults.append(f"{request_id}: {verdict} was to come out, and not {runs}")
    if len(set(told)) != 1 or told[0].verdict != runs[0].verdict:
        faults.append(f"{request_id}: {sorted(set(told), key=str)} were told of {runs}")
    return faults


def build_table(traffic: Sequence[Sent], out: CameOut) -> list[tuple[str, int]]:
    """Give what was sent and what came out, for whoever wants to see the figures."""
    triggers = [each.request_id for each in traffic if each.request_id]
    runs = [run for of_request in out.runs.values() for run in of_request]
    told = [message for of_request in out.told.values() for message in of_request]
    verdicts = Counter(run.verdict for run in runs if run.state == "finished")
    return [
        ("sent: records", len(traffic)),
        ("sent: requests", len(set(triggers))),
        ("sent: duplicates of them", len(triggers) - len(set(triggers))),
        ("sent: poison", len(traffic) - len(triggers)),
        ("offsets committed", out.committed),
        ("requests stored", len(out.runs)),
        ("runs", len(runs)),
        ("runs with a verdict", verdicts.total()),
        *((f"  {verdict}", count) for verdict, count in sorted(verdicts.items(), key=str)),
        ("runs that took more than one attempt", sum((run.attempts or 0) > 1 for run in runs)),
        ("results sent", len(told)),
        ("requests with a result", len(out.told)),
        ("message ids", len({each.message_id for each in told})),
        ("results sent again, with the same id", len(told) - len(set(told))),
        ("poison in the dead letters", len(set(out.letters))),
        ("dead letters sent again", len(out.letters) - len(set(out.letters))),
    ]
