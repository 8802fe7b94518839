"""Attempts on a run: claimed, released, concluded. Only the newest attempt's token may write."""

from __future__ import annotations

from dataclasses import asdict
from uuid import uuid4

from sqlalchemy import func, select, update

from gatekeeper.domain.batch import Batch, parse_batch, render_batch
from gatekeeper.domain.rule import RuleSet, parse_rule
from gatekeeper.domain.run import (
    Attempt,
    AttemptToken,
    Judgement,
    Purpose,
    RequestId,
    RunId,
    RunState,
)
from gatekeeper.store.engine import Transaction
from gatekeeper.store.gates import load_gate
from gatekeeper.store.tables import gates, requests, rule_sets, runs

# The store's own clock, so that runners on several machines agree.
now = func.clock_timestamp()


def claim_run(tx: Transaction, run_id: RunId) -> AttemptToken | None:
    """Begin an attempt: from now on only its token may conclude the run.

    None where there is nothing left to do. A run that is marked as running may be claimed: its
    job comes back only once whoever held it is taken for dead.
    """
    unfinished = runs.c.state.in_([RunState.QUEUED.value, RunState.RUNNING.value])
    token = tx.execute(
        update(runs)
        .where(runs.c.id == run_id, unfinished, gates.c.id == runs.c.gate_id)
        .values(
            state=RunState.RUNNING.value,
            attempts=runs.c.attempts + 1,
            attempt_token=uuid4(),
            message="",
            started_at=func.coalesce(runs.c.started_at, now),
            deadline_at=now + func.make_interval(0, 0, 0, 0, 0, 0, gates.c.deadline_seconds),
        )
        .returning(runs.c.attempt_token)
    ).scalar()
    return AttemptToken(token) if token else None


def load_attempt(tx: Transaction, run_id: RunId, token: AttemptToken) -> Attempt | None:
    """Load what an attempt must know; None where another has taken over."""
    mine = (runs.c.id == run_id, runs.c.attempt_token == token)
    asked = select(runs, requests.c.callback_url).join(requests, requests.c.id == runs.c.request_id)
    row = tx.execute(asked.where(*mine)).one_or_none()
    if row is None:
        return None
    named = tx.execute(
        select(rule_sets.c.rules, rule_sets.c.columns).where(
            rule_sets.c.gate_id == row.gate_id, rule_sets.c.hash == row.rule_set_hash
        )
    ).one()
    return Attempt(
        run_id=run_id,
        request_id=RequestId(row.request_id),
        purpose=Purpose(row.purpose),
        token=token,
        number=row.attempts,
        gate=load_gate(tx, row.gate_id),
        rule_set=RuleSet(row.rule_set_hash, tuple(parse_rule(rule) for rule in named.rules)),
        columns=dict(named.columns) if named.columns else None,
        batch=parse_batch(row.batch) if row.batch else None,
        rules=tuple(row.rules) if row.rules else None,
        calls_back=row.callback_url is not None,
    )


def release_run(tx: Transaction, attempt: Attempt, message: str, *, counts: bool) -> bool:
    """Put the run back for another attempt. False where another attempt has taken over."""
    attempts = attempt.number if counts else attempt.number - 1
    return _update_mine(
        tx, attempt, state=RunState.QUEUED.value, message=message, attempts=attempts
    )


def conclude_run(
    tx: Transaction, attempt: Attempt, judgement: Judgement, batch: Batch | None
) -> bool:
    """Give the run its verdict, and the batch that it came to judge. False where another attempt
    has taken over, or was quicker.
    """
    judged = batch or attempt.batch
    return _update_mine(
        tx,
        attempt,
        state=RunState.FINISHED.value,
        verdict=judgement.verdict.value,
        open=judgement.open,
        counts=asdict(judgement.counts),
        message=judgement.message,
        batch=render_batch(judged) if judged else None,
        finished_at=now,
    )


def _update_mine(tx: Transaction, attempt: Attempt, **values: object) -> bool:
    mine = (
        runs.c.id == attempt.run_id,
        runs.c.attempt_token == attempt.token,
        runs.c.state == RunState.RUNNING.value,
    )
    return bool(tx.execute(update(runs).where(*mine).values(**values)).rowcount)
