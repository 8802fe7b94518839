"""Backtests."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self
from uuid import UUID

from api.views import View
from gatekeeper.domain.backtest import Backtest, Comparison
from gatekeeper.domain.batch import render_batch
from gatekeeper.domain.run import Run, RunState
from gatekeeper.domain.verdict import Verdict


class JudgedView(View):
    """What a run made of a batch; both are null until it is finished."""

    run_id: UUID
    verdict: Verdict | None
    open: bool | None

    @classmethod
    def of(cls, run: Run) -> Self:
        """Show what the run made of its batch."""
        return cls(run_id=run.id, verdict=run.verdict, open=run.open)


class ComparisonView(View):
    """A batch, null for the whole table: what is made of it now, by the backtest's rules, and what
    was made of it then, when the gate judged it last.
    """

    batch: dict[str, Any] | None
    now: JudgedView
    then: JudgedView | None

    @classmethod
    def of(cls, comparison: Comparison) -> Self:
        """Show a comparison."""
        now, then = comparison.now, comparison.then
        return cls(
            batch=render_batch(now.batch) if now.batch else None,
            now=JudgedView.of(now),
            then=JudgedView.of(then) if then else None,
        )


class BacktestView(View):
    """A backtest: of so many `batches`, so many are `finished`, and of these so many would have
    `closed` the gate. `not_judged` counts those that closed it as they could not be judged.
    """

    id: UUID
    warehouse: str
    table: str
    rule_set: str
    received_at: datetime
    state: RunState
    batches: int
    finished: int
    closed: int
    closed_then: int
    not_judged: int
    summary: str
    items: list[ComparisonView]

    @classmethod
    def of(cls, backtest: Backtest) -> Self:
        """Show a backtest."""
        any_run = backtest.comparisons[0].now
        return cls(
            id=backtest.id,
            warehouse=any_run.warehouse,
            table=any_run.table,
            rule_set=any_run.rule_set_hash,
            received_at=any_run.received_at,
            state=backtest.state,
            batches=len(backtest.comparisons),
            finished=len(backtest.finished),
            closed=backtest.closed,
            closed_then=backtest.closed_then,
            not_judged=backtest.not_judged,
            summary=backtest.summary,
            items=[ComparisonView.of(each) for each in backtest.comparisons],
        )
