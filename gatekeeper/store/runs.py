"""Runs as they are read: one, a page of them, the latest verdict of a gate, a backtest."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Row, Select, and_, func, select
from sqlalchemy.dialects.postgresql import distinct_on

from gatekeeper.domain.backtest import Backtest, Comparison
from gatekeeper.domain.batch import parse_batch
from gatekeeper.domain.errors import UnknownBacktest, UnknownRun
from gatekeeper.domain.run import (
    Callback,
    CallbackState,
    Counts,
    Purpose,
    RequestId,
    Run,
    RunId,
    RunState,
    Trigger,
)
from gatekeeper.domain.verdict import Verdict
from gatekeeper.store.answers import Channel
from gatekeeper.store.engine import Transaction
from gatekeeper.store.tables import acknowledgements, gates, requests, runs, warehouses

# A gate that is asked every minute has a long history of few batches.
LOOK_BACK_RUNS = 10_000


def load_run(tx: Transaction, run_id: RunId) -> Run:
    """Load a run; raises UnknownRun."""
    row = tx.execute(_select_runs(runs.c.id == run_id)).one_or_none()
    if row is None:
        raise UnknownRun(run_id)
    return _run(row)


def load_runs_of(tx: Transaction, run_ids: Sequence[RunId]) -> dict[RunId, Run]:
    """Load several runs by their ids."""
    rows = tx.execute(_select_runs(runs.c.id.in_(run_ids)))
    return {RunId(row.id): _run(row) for row in rows}


@dataclass(frozen=True)
class RunFilter:
    """Which runs to list; what is None doesn't narrow. `before` is a position: older runs only."""

    table: str | None = None
    warehouse: str | None = None
    verdict: Verdict | None = None
    state: RunState | None = None
    purpose: Purpose = Purpose.JUDGE
    since: datetime | None = None
    before: int | None = None


def load_runs(tx: Transaction, wanted: RunFilter, limit: int) -> tuple[list[Run], int | None]:
    """Load the newest runs first, and the position to go on from, None at the end."""
    page = _select_runs(*_conditions(wanted)).order_by(runs.c.position.desc()).limit(limit + 1)
    rows = tx.execute(page).all()
    more = rows[limit - 1].position if len(rows) > limit else None
    return [_run(row) for row in rows[:limit]], more


def _conditions(wanted: RunFilter) -> Iterator[ColumnElement[bool]]:
    yield runs.c.purpose == wanted.purpose
    if wanted.table is not None:
        yield gates.c.table_name == wanted.table
    if wanted.warehouse is not None:
        yield warehouses.c.name == wanted.warehouse
    if wanted.verdict is not None:
        yield runs.c.verdict == wanted.verdict
    if wanted.state is not None:
        yield runs.c.state == wanted.state
    if wanted.since is not None:
        yield requests.c.received_at >= wanted.since
    if wanted.before is not None:
        yield runs.c.position < wanted.before


def load_latest_verdict(tx: Transaction, gate_id: int) -> Run | None:
    """Load the run that judged last on the gate, by all of its rules."""
    newest = _select_runs(*_judged(gate_id)).order_by(runs.c.finished_at.desc()).limit(1)
    row = tx.execute(newest).one_or_none()
    return _run(row) if row else None


def load_judged_batches(tx: Transaction, gate_id: int, limit: int) -> list[Run]:
    """Load the run that judged each of the last batches of the gate, the latest first.

    Looks through its last LOOK_BACK_RUNS.
    """
    last = (
        select(runs.c.id, runs.c.batch, runs.c.finished_at)
        .where(*_judged(gate_id))
        .order_by(runs.c.finished_at.desc())
        .limit(LOOK_BACK_RUNS)
        .subquery()
    )
    latest = (
        select(last.c.id, last.c.finished_at)
        .ext(distinct_on(last.c.batch))
        .order_by(last.c.batch, last.c.finished_at.desc())
        .subquery()
    )
    wanted = select(latest.c.id).order_by(latest.c.finished_at.desc()).limit(limit)
    judged = _select_runs(runs.c.id.in_(wanted))
    return [_run(row) for row in tx.execute(judged.order_by(runs.c.finished_at.desc()))]


def _judged(gate_id: int) -> Collection[ColumnElement[bool]]:
    return (
        runs.c.gate_id == gate_id,
        runs.c.state == RunState.FINISHED.value,
        runs.c.purpose == Purpose.JUDGE.value,
        runs.c.rules.is_(None),
    )


def load_backtest(tx: Transaction, backtest_id: RequestId) -> Backtest:
    """Load what has come of a backtest; raises UnknownBacktest."""
    mine = (runs.c.request_id == backtest_id, runs.c.purpose == Purpose.BACKTEST.value)
    compared = select(runs.c.compares_with).where(*mine)
    then = {row.id: _run(row) for row in tx.execute(_select_runs(runs.c.id.in_(compared)))}
    now = [_run(row) for row in tx.execute(_select_runs(*mine).order_by(runs.c.position))]
    if not now:
        raise UnknownBacktest(backtest_id)
    return Backtest(
        id=backtest_id,
        comparisons=[
            Comparison(now=run, then=then.get(run.compares_with) if run.compares_with else None)
            for run in now
        ],
    )


def _select_runs(*conditions: ColumnElement[bool]) -> Select[*tuple[object, ...]]:
    acknowledged_at = (
        select(func.max(acknowledgements.c.acknowledged_at))
        .where(acknowledgements.c.run_id == runs.c.id)
        .scalar_subquery()
    )
    callback = acknowledgements.alias("callback")
    of_run = and_(callback.c.run_id == runs.c.id, callback.c.channel == Channel.CALLBACK.value)
    return (
        select(
            runs,
            requests.c.trigger,
            requests.c.correlation_id,
            requests.c.received_at,
            gates.c.table_name,
            warehouses.c.name.label("warehouse"),
            acknowledged_at.label("acknowledged_at"),
            requests.c.callback_url,
            callback.c.acknowledged_at.label("called_back_at"),
            callback.c.due_at.label("callback_due_at"),
            callback.c.attempts.label("callback_attempts"),
            callback.c.message.label("callback_message"),
        )
        .join(requests, requests.c.id == runs.c.request_id)
        .join(gates, gates.c.id == runs.c.gate_id)
        .join(warehouses, warehouses.c.id == gates.c.warehouse_id)
        .outerjoin(callback, of_run)
        .where(*conditions)
    )


def _run(row: Row[*tuple[object, ...]]) -> Run:
    return Run(
        id=RunId(row.id),
        request_id=RequestId(row.request_id),
        warehouse=row.warehouse,
        table=row.table_name,
        trigger=Trigger(row.trigger),
        correlation_id=row.correlation_id,
        batch=parse_batch(row.batch) if row.batch else None,
        rule_set_hash=row.rule_set_hash,
        purpose=Purpose(row.purpose),
        compares_with=RunId(row.compares_with) if row.compares_with else None,
        state=RunState(row.state),
        attempts=row.attempts,
        verdict=Verdict(row.verdict) if row.verdict else None,
        open=row.open,
        message=row.message,
        counts=Counts(**row.counts) if row.counts else None,
        received_at=row.received_at,
        queued_at=row.queued_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        acknowledged_at=row.acknowledged_at,
        rules=tuple(row.rules) if row.rules else None,
        callback=_callback(row) if row.callback_url else None,
    )


def _callback(row: Row[*tuple[object, ...]]) -> Callback:
    if row.called_back_at:
        state = CallbackState.GIVEN
    elif row.callback_attempts is None or row.callback_due_at:
        state = CallbackState.WAITING
    else:
        state = CallbackState.GIVEN_UP
    return Callback(state, row.callback_attempts or 0, row.callback_message or "")
