"""What a backtest comes to, worked out from its runs alone."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from gatekeeper.domain.backtest import Backtest, Comparison
from gatekeeper.domain.run import Purpose, RequestId, Run, RunId, RunState, Trigger
from gatekeeper.domain.verdict import Verdict

Word = Verdict | RunState


def run(word: Word) -> Run:
    """A run that has come to the verdict, or is in the state; the gate opens on pass and warn."""
    verdict = word if isinstance(word, Verdict) else None
    return Run(
        id=RunId(uuid4()),
        request_id=RequestId(uuid4()),
        warehouse="shop",
        table="shop.orders",
        trigger=Trigger.HTTP,
        correlation_id=None,
        batch=None,
        rule_set_hash="",
        purpose=Purpose.BACKTEST,
        compares_with=None,
        state=RunState.FINISHED if verdict else RunState(word),
        attempts=1,
        verdict=verdict,
        open=verdict in (Verdict.PASS, Verdict.WARN) if verdict else None,
        message="",
        counts=None,
        received_at=datetime.now(UTC),
        queued_at=None,
        started_at=None,
        finished_at=None,
        acknowledged_at=None,
    )


def backtest(*pairs: tuple[Word, Verdict | None]) -> Backtest:
    comparisons = [Comparison(run(now), run(then) if then else None) for now, then in pairs]
    return Backtest(RequestId(uuid4()), comparisons)


PASS, FAIL, NOT_JUDGED = Verdict.PASS, Verdict.FAIL, Verdict.ERROR
QUEUED, RUNNING, CANCELLED = RunState.QUEUED, RunState.RUNNING, RunState.CANCELLED


@pytest.mark.parametrize(
    ("pairs", "state", "summary"),
    [
        (
            [(FAIL, PASS), (FAIL, FAIL), (PASS, PASS)],
            "finished",
            "would have closed the gate 2 times of 3 (1 time as it was judged then)",
        ),
        (
            [(PASS, FAIL), (PASS, FAIL)],
            "finished",
            "would have closed the gate 0 times of 2 (2 times as it was judged then)",
        ),
        (
            [(Verdict.NO_DATA, Verdict.WARN), (NOT_JUDGED, PASS)],
            "finished",
            (
                "would have closed the gate 2 times of 2 (0 times as it was judged then); "
                "1 could not be judged"
            ),
        ),
        (
            [(FAIL, None)],
            "finished",
            "would have closed the gate 1 time of 1 (0 times as it was judged then)",
        ),
        (
            [(FAIL, FAIL), (RUNNING, FAIL), (QUEUED, FAIL)],
            "running",
            "so far, would have closed the gate 1 time of 1 (1 time as it was judged then)",
        ),
        (
            [(FAIL, PASS), (QUEUED, PASS)],
            "running",
            "so far, would have closed the gate 1 time of 1 (0 times as it was judged then)",
        ),
        (
            [(QUEUED, FAIL), (QUEUED, FAIL)],
            "queued",
            "so far, would have closed the gate 0 times of 0 (0 times as it was judged then)",
        ),
        (
            [(FAIL, FAIL), (CANCELLED, FAIL)],
            "finished",
            "would have closed the gate 1 time of 1 (1 time as it was judged then)",
        ),
    ],
)
def test_a_backtest_says_what_it_comes_to(
    pairs: list[tuple[Word, Verdict | None]], state: str, summary: str
) -> None:
    told = backtest(*pairs)
    assert (told.state, told.summary) == (state, summary)
