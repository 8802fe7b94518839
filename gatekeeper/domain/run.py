"""Requests and runs: what was asked, and one execution of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType
from uuid import UUID

from gatekeeper.domain.batch import Batch
from gatekeeper.domain.gate import Gate
from gatekeeper.domain.rule import RuleSet
from gatekeeper.domain.verdict import Check, Outcome, Verdict

RunId = NewType("RunId", UUID)
RequestId = NewType("RequestId", UUID)
AttemptToken = NewType("AttemptToken", UUID)

MAX_ATTEMPTS = 3


class Trigger(StrEnum):
    """What asked."""

    HTTP = "http"
    KAFKA = "kafka"
    SCHEDULE = "schedule"
    CDC = "cdc"
    MANUAL = "manual"


class Purpose(StrEnum):
    """What a run is for. Only what was judged is the gate's verdict; the others are trials."""

    JUDGE = "judge"
    TRY = "try"
    BACKTEST = "backtest"


class RunState(StrEnum):
    """A run's place in its life, never mixed with its verdict."""

    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Origin:
    """The place of a record in Kafka, which no other has."""

    topic: str
    partition: int
    offset: int


@dataclass(frozen=True)
class Request:
    """A question put to a gate, valid in itself: may this table, or this batch of it, be used?

    `rules` are those that are to be judged, None for all: of a part the verdict is not the gate's.
    The result is posted to `callback_url`, if there is one. `origin` is where the question stood in
    Kafka, if it came from there.
    """

    table: str
    trigger: Trigger
    warehouse: str | None = None
    batch: Batch | None = None
    rules: tuple[str, ...] | None = None
    correlation_id: str | None = None
    callback_url: str | None = None
    idempotency_key: str | None = None
    origin: Origin | None = None


@dataclass(frozen=True)
class Trial:
    """A run that is to say what a rule set comes to, and not whether the table may be used.

    `compares_with` is the run that judged the same batch, where the trial is to be held to it.
    """

    purpose: Purpose
    rule_set: RuleSet
    batch: Batch | None
    compares_with: RunId | None = None


@dataclass(frozen=True)
class Counts:
    """How many checks had which outcome: in all, by dimension, and by kind.

    `expected` counts the enabled rules, `executed` those that were judged, `not_judged` the rest.
    """

    expected: int
    executed: int
    not_judged: int
    skipped: int
    outcomes: Mapping[str, int]
    dimensions: Mapping[str, Mapping[str, int]]
    kinds: Mapping[str, Mapping[str, int]]


class CallbackState(StrEnum):
    """What has become of a callback."""

    WAITING = "waiting"
    GIVEN = "given"
    GIVEN_UP = "given_up"


@dataclass(frozen=True)
class Callback:
    """The posting of a run's result to where its asker wants it. `message` says why the last of the
    `attempts` came to nothing, if so.
    """

    state: CallbackState
    attempts: int
    message: str


@dataclass(frozen=True)
class Run:
    """One execution of a request, as the store knows it. `message` says why a run could not
    judge, or was not asked to. `compares_with` is set where it was a trial's, `callback` where its
    asker wants one, `rules` where these were asked for and no others.
    """

    id: RunId
    request_id: RequestId
    warehouse: str
    table: str
    trigger: Trigger
    correlation_id: str | None
    batch: Batch | None
    rule_set_hash: str
    purpose: Purpose
    compares_with: RunId | None
    state: RunState
    attempts: int
    verdict: Verdict | None
    open: bool | None
    message: str
    counts: Counts | None
    received_at: datetime
    queued_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    acknowledged_at: datetime | None
    rules: tuple[str, ...] | None = None
    callback: Callback | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.state in (RunState.FINISHED, RunState.CANCELLED)


@dataclass(frozen=True)
class Attempt:
    """A claim on a run: only its token may conclude the run. `rules` are those that were asked for,
    None for all. `rule_set` is the one named when the
    request was received, whatever was changed since; `columns` are the table's when that was first
    judged, None before. `calls_back` says whether a callback is wanted.
    """

    run_id: RunId
    request_id: RequestId
    purpose: Purpose
    token: AttemptToken
    number: int
    gate: Gate
    rule_set: RuleSet
    columns: Mapping[str, str] | None
    batch: Batch | None
    rules: tuple[str, ...] | None
    calls_back: bool


@dataclass(frozen=True)
class Judgement:
    """What a run comes to, ready to be stored. `message` says why it could not judge, if so. `open`
    is None of a part of the rules: it can't open the gate, nor say that the gate is closed.
    """

    verdict: Verdict
    open: bool | None
    counts: Counts
    message: str


def build_counts(checks: Sequence[Check]) -> Counts:
    """Count the checks' outcomes in all, by dimension and by kind."""
    outcomes = Counter(check.outcome.value for check in checks)
    skipped, not_judged = outcomes[Outcome.SKIPPED], outcomes[Outcome.ERROR]
    return Counts(
        expected=len(checks) - skipped,
        executed=len(checks) - skipped - not_judged,
        not_judged=not_judged,
        skipped=skipped,
        outcomes={outcome: count for outcome, count in outcomes.items() if count},
        dimensions=_tally([(check.rule.dimension, check.outcome) for check in checks]),
        kinds=_tally([(check.rule.kind, check.outcome) for check in checks]),
    )


def _tally(pairs: Sequence[tuple[StrEnum, StrEnum]]) -> dict[str, dict[str, int]]:
    groups = sorted({group.value for group, _ in pairs})
    return {
        group: dict(Counter(outcome.value for name, outcome in pairs if name.value == group))
        for group in groups
    }
