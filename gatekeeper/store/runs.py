"""Runs as they are read: one, a page of them, the latest verdict of a gate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Row, Select, func, select

from gatekeeper.domain.batch import parse_batch
from gatekeeper.domain.errors import UnknownRun
from gatekeeper.domain.run import Counts, RequestId, Run, RunId, RunState, Trigger
from gatekeeper.domain.verdict import Verdict
from gatekeeper.store.engine import Transaction
from gatekeeper.store.tables import acknowledgements, gates, requests, runs, warehouses


def load_run(tx: Transaction, run_id: RunId) -> Run:
    """Load a run; raises UnknownRun."""
    row = tx.execute(_select_runs(runs.c.id == run_id)).one_or_none()
    if row is None:
        raise UnknownRun(run_id)
    return _run(row)


@dataclass(frozen=True)
class RunFilter:
    """Which runs to list; what is None doesn't narrow. `before` is a position: older runs only."""

    table: str | None = None
    warehouse: str | None = None
    verdict: Verdict | None = None
    state: RunState | None = None
    since: datetime | None = None
    before: int | None = None


def load_runs(tx: Transaction, wanted: RunFilter, limit: int) -> tuple[list[Run], int | None]:
    """Load the newest runs first, and the position to go on from, None at the end."""
    page = _select_runs(*_conditions(wanted)).order_by(runs.c.position.desc()).limit(limit + 1)
    rows = tx.execute(page).all()
    more = rows[limit - 1].position if len(rows) > limit else None
    return [_run(row) for row in rows[:limit]], more


def _conditions(wanted: RunFilter) -> Iterator[ColumnElement[bool]]:
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
    """Load the run that finished last on the gate."""
    finished = (runs.c.gate_id == gate_id, runs.c.state == RunState.FINISHED.value)
    newest = _select_runs(*finished).order_by(runs.c.finished_at.desc()).limit(1)
    row = tx.execute(newest).one_or_none()
    return _run(row) if row else None


def _select_runs(*conditions: ColumnElement[bool]) -> Select[*tuple[object, ...]]:
    acknowledged_at = (
        select(func.max(acknowledgements.c.acknowledged_at))
        .where(acknowledgements.c.run_id == runs.c.id)
        .scalar_subquery()
    )
    return (
        select(
            runs,
            requests.c.trigger,
            requests.c.correlation_id,
            requests.c.received_at,
            gates.c.table_name,
            warehouses.c.name.label("warehouse"),
            acknowledged_at.label("acknowledged_at"),
        )
        .join(requests, requests.c.id == runs.c.request_id)
        .join(gates, gates.c.id == runs.c.gate_id)
        .join(warehouses, warehouses.c.id == gates.c.warehouse_id)
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
    )
