"""The table of contents: what happens to a request, in order.

receive -> plan -> dispatch -> conclude -> acknowledge. Each stage is one function; each writes
what it decides in one transaction. Execution is at least once, the verdict exactly once: a run is
concluded only by the attempt that claimed it last.

A trial, a run that is no verdict of its gate, is received in a way of its own and then goes the
same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial

import structlog
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_exponential

from gatekeeper.domain.backtest import Backtest
from gatekeeper.domain.batch import Range
from gatekeeper.domain.errors import (
    AmbiguousGate,
    AttemptReleased,
    GateHasNoRules,
    GatekeeperError,
    IdempotencyConflict,
    NothingToBacktest,
    RunnerError,
    RunnerStopped,
    StoreUnavailable,
    UnknownGate,
    UnknownRules,
)
from gatekeeper.domain.gate import Gate
from gatekeeper.domain.plan import Measure, Plan, build_plan
from gatekeeper.domain.rule import RuleSet
from gatekeeper.domain.run import (
    MAX_ATTEMPTS,
    Attempt,
    Judgement,
    Purpose,
    Request,
    RequestId,
    Run,
    RunId,
    Trial,
    Trigger,
    build_counts,
)
from gatekeeper.domain.verdict import Check, Measured, is_open, judge, judge_checks, was_empty
from gatekeeper.queue.jobs import Queue, RunJob
from gatekeeper.store.answers import Channel, Owed, acknowledge_http, owe_answers
from gatekeeper.store.attempts import claim_run, conclude_run, load_attempt, release_run
from gatekeeper.store.engine import Store, Transaction
from gatekeeper.store.gates import find_gate, load_warehouse, save_proposed
from gatekeeper.store.memory import raise_watermark, remember_columns
from gatekeeper.store.requests import (
    Arrival,
    build_arrival,
    find_earlier_run,
    save_requests,
    save_runs,
    save_trial,
    save_trial_request,
    set_jobs,
)
from gatekeeper.store.results import save_results
from gatekeeper.store.runners import forget_lost_runners
from gatekeeper.store.runs import load_backtest, load_judged_batches, load_run
from gatekeeper.store.samples import forget_samples, save_samples

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Receipt:
    """What a trigger came to: a run of the gate, new or the one of an earlier, equal request."""

    run: Run
    gate: Gate
    is_new: bool


def receive(store: Store, queue: Queue, request: Request) -> Receipt:
    """Store the request with its run and its job, all or nothing.

    Raises UnknownGate, AmbiguousGate, GateHasNoRules, UnknownRules, IdempotencyConflict,
    StoreUnavailable.
    """
    with store.transaction() as tx:
        receipt = receive_within(tx, queue, request)
    log.info(
        "request received",
        action="received",
        **_named(receipt.run),
        is_new=receipt.is_new,
        trigger=request.trigger.value,
    )
    return receipt


def receive_within(tx: Transaction, queue: Queue, request: Request) -> Receipt:
    """Store the request with its run and its job, as a part of the caller's transaction.

    Raises UnknownGate, AmbiguousGate, GateHasNoRules, UnknownRules, IdempotencyConflict.
    """
    received_at = datetime.now(UTC)
    arrival = build_arrival(request, find_gate(tx, request.table, request.warehouse))
    is_new = bool(_store_arrivals(tx, queue, [arrival], received_at))
    if is_new and (fault := _find_fault(arrival)):
        raise fault
    run_id = arrival.run_id if is_new else find_earlier_run(tx, request)
    return Receipt(load_run(tx, run_id), arrival.gate, is_new)


def receive_many(
    store: Store, queue: Queue, wanted: Sequence[Request]
) -> list[GatekeeperError | None]:
    """Store requests that came together, with their runs and jobs, in one transaction.

    Gives why each was refused, None where it is stored, by now or before; one that is refused
    keeps no other out. Raises StoreUnavailable: then nothing was stored.
    """
    received_at = datetime.now(UTC)
    arrivals: dict[int, Arrival] = {}
    refusals: list[GatekeeperError | None] = [None] * len(wanted)
    with store.transaction() as tx:
        find = cache(partial(find_gate, tx))
        for number, request in enumerate(wanted):
            try:
                arrivals[number] = build_arrival(request, find(request.table, request.warehouse))
            except (UnknownGate, AmbiguousGate) as error:
                refusals[number] = error
        able = [arrival for arrival in arrivals.values() if not _find_fault(arrival)]
        new = {each.request_id for each in _store_arrivals(tx, queue, able, received_at)}
        for number, arrival in arrivals.items():
            if arrival.request_id not in new:
                refusals[number] = _find_refusal(tx, arrival)
    log.info("requests received", action="received", requests=len(wanted), new=len(new))
    return refusals


def _store_arrivals(
    tx: Transaction, queue: Queue, arrivals: Sequence[Arrival], received_at: datetime
) -> list[Arrival]:
    """Store requests with their runs and jobs, and the answers that are owed where a gate is off;
    gives those that are new.
    """
    new = save_requests(tx, arrivals, received_at)
    jobs = [
        RunJob(each.run_id, each.gate.id, each.request.batch, each.gate.pool)
        for each in new
        if each.is_asked
    ]
    save_runs(tx, new, queue.defer_runs(tx, jobs))
    owe_answers(tx, [owed for each in new if not each.is_asked for owed in _owe_unasked(each)])
    return new


def _owe_unasked(arrival: Arrival) -> list[Owed]:
    """Say where a gate that is off owes an answer: wherever somebody may wait for one. Over HTTP it
    was given at once.
    """
    waited_for = {
        Channel.KAFKA: arrival.request.trigger is Trigger.KAFKA,
        Channel.CALLBACK: arrival.request.callback_url is not None,
    }
    return [
        Owed(arrival.run_id, arrival.gate.id, channel)
        for channel, waited in waited_for.items()
        if waited
    ]


def _find_refusal(tx: Transaction, arrival: Arrival) -> GatekeeperError | None:
    """Say why a request that wasn't stored is refused; it is not if an equal one was before."""
    try:
        find_earlier_run(tx, arrival.request)
    except IdempotencyConflict as error:
        return _find_fault(arrival) or error
    return None


def _find_fault(arrival: Arrival) -> GatekeeperError | None:
    """Say why the gate can't judge what it is asked, if so."""
    gate = arrival.gate
    if not gate.can_judge:
        return GateHasNoRules(gate.table)
    enabled = {rule.name for rule in gate.rule_set.rules if rule.enabled}
    unknown = [name for name in arrival.request.rules or () if name not in enabled]
    return UnknownRules(gate.table, unknown) if unknown else None


def receive_try(store: Store, queue: Queue, request: Request, rule_set: RuleSet) -> Run:
    """Store the request as one to try the rule set, whatever the gate's own rules and mode.

    Raises UnknownGate, AmbiguousGate, StoreUnavailable.
    """
    received_at = datetime.now(UTC)
    with store.transaction() as tx:
        gate = find_gate(tx, request.table, request.warehouse)
        save_proposed(tx, gate.id, rule_set)
        request_id = save_trial_request(tx, request, gate, received_at)
        trial = Trial(Purpose.TRY, rule_set, request.batch)
        run = load_run(tx, _queue_trial(tx, queue, request_id, gate, trial))
    log.info("rules to try received", action="received", **_named(run), purpose=Purpose.TRY.value)
    return run


def receive_backtest(
    store: Store, queue: Queue, request: Request, rule_set: RuleSet | None, batches: int
) -> Backtest:
    """Store the request as one to judge the last batches again, by the rule set or else the
    gate's own.

    Raises UnknownGate, AmbiguousGate, GateHasNoRules, NothingToBacktest, StoreUnavailable.
    """
    received_at = datetime.now(UTC)
    with store.transaction() as tx:
        gate = find_gate(tx, request.table, request.warehouse)
        rule_set = rule_set or gate.rule_set
        if not rule_set.can_judge:
            raise GateHasNoRules(gate.table)
        judged = load_judged_batches(tx, gate.id, batches)
        if not judged:
            raise NothingToBacktest(gate.table)
        save_proposed(tx, gate.id, rule_set)
        request_id = save_trial_request(tx, request, gate, received_at)
        for then in judged:
            trial = Trial(Purpose.BACKTEST, rule_set, then.batch, compares_with=then.id)
            _queue_trial(tx, queue, request_id, gate, trial)
        backtest = load_backtest(tx, request_id)
    log.info(
        "backtest received",
        action="received",
        request_id=str(backtest.id),
        gate=gate.table,
        purpose=Purpose.BACKTEST.value,
        batches=len(judged),
    )
    return backtest


def _queue_trial(
    tx: Transaction, queue: Queue, request_id: RequestId, gate: Gate, trial: Trial
) -> RunId:
    run_id = save_trial(tx, request_id, gate, trial)
    job = RunJob(run_id, gate.id, trial.batch, gate.pool, trial.purpose)
    set_jobs(tx, queue.defer_runs(tx, [job]))
    return run_id


def run_attempt(
    store: Store,
    queue: Queue,
    measure: Measure,
    run_id: RunId,
    answers: Sequence[Channel] = (Channel.HTTP,),
) -> None:
    """Carry one attempt on a run through: plan, dispatch, conclude.

    Raises AttemptReleased where the run was put back for another attempt.
    """
    planned = plan(store, run_id)
    if planned is None:
        log.info("nothing left to do", action="already_finished", run_id=str(run_id))
        return
    attempt, its_plan = planned
    try:
        measured = dispatch(measure, attempt, its_plan)
    except RunnerStopped as error:
        release(store, attempt, str(error), counts=False)
        return
    except RunnerError as error:
        if error.transient and attempt.number < MAX_ATTEMPTS:
            release(store, attempt, str(error))
            return
        measured = Measured(failure=str(error))
    conclude(store, queue, attempt, measured, answers)


def plan(store: Store, run_id: RunId) -> tuple[Attempt, Plan] | None:
    """Claim the run and lay out its checks; None where it is already finished."""
    # The claim stands by itself, so that an attempt that can't even be planned counts.
    with store.transaction() as tx:
        token = claim_run(tx, run_id)
    if token is None:
        return None
    with store.transaction() as tx:
        attempt = load_attempt(tx, run_id, token)
        if attempt is None:
            return None
        warehouse = load_warehouse(tx, attempt.gate.warehouse)
    log.info("run planned", action="planned", **_named(attempt), attempt=attempt.number)
    return attempt, build_plan(attempt, warehouse)


def dispatch(measure: Measure, attempt: Attempt, its_plan: Plan) -> Measured:
    """Hand the plan to a runner's lane and wait for what it measured.

    Raises RunnerError where nothing could be measured, also for a run whose attempts are used up
    because whoever carried them out died each time.
    """
    if attempt.number > MAX_ATTEMPTS:
        message = f"given up after {MAX_ATTEMPTS} attempts, none of which came back"
        raise RunnerError(message, transient=False)
    log.info(
        "plan dispatched",
        action="dispatched",
        **_named(attempt),
        checks=len(its_plan.rules),
    )
    return measure(its_plan)


def release(store: Store, attempt: Attempt, reason: str, *, counts: bool = True) -> None:
    """Put the run back for another attempt, and say so to the queue by raising AttemptReleased.

    An attempt that doesn't count leaves the run as many as it had. Where another attempt has taken
    over there is nothing to put back.
    """
    released = False
    for trial in _while_store_is_away():
        with trial, store.transaction() as tx:
            released = release_run(tx, attempt, reason, counts=counts)
    if not released:
        log.warning("a late failure was ignored", action="superseded", **_named(attempt))
        return
    log.warning(
        "attempt given up",
        action="released",
        **_named(attempt),
        attempt=attempt.number,
        reason=reason,
    )
    raise AttemptReleased(attempt.number, reason)


def conclude(
    store: Store,
    queue: Queue,
    attempt: Attempt,
    measured: Measured,
    answers: Sequence[Channel] = (Channel.HTTP,),
) -> None:
    """Judge what was measured; store the results, the verdict, what the gate is to remember and the
    answers owed, all or nothing. Of a trial nobody but its asker is told.
    """
    checks = judge_checks(attempt.rule_set, measured, attempt.columns, attempt.rules)
    policy = attempt.gate.policy
    judgement = build_judgement(attempt, checks, measured.failure)
    judges, concluded = attempt.purpose is Purpose.JUDGE, False
    channels = [*(answers if judges else [Channel.HTTP])]
    if attempt.calls_back:
        channels.append(Channel.CALLBACK)
    for trial in _while_store_is_away():
        with trial, store.transaction() as tx:
            concluded = conclude_run(tx, attempt, judgement, measured.batch)
            if concluded:
                save_results(tx, attempt.run_id, checks)
                save_samples(tx, attempt.run_id, checks, policy.samples.keep_hours)
                if judges and attempt.rules is None:
                    remember(tx, attempt, judgement, measured)
                gate_id = attempt.gate.id
                owe_answers(tx, [Owed(attempt.run_id, gate_id, each) for each in channels])
                queue.defer_acknowledgement(tx, attempt.run_id)
    if concluded:
        log.info(
            "run concluded",
            action="concluded",
            **_named(attempt),
            verdict=judgement.verdict.value,
            open=judgement.open,
            message=judgement.message,
        )
    else:
        log.warning("a late answer was refused", action="superseded", **_named(attempt))


def build_judgement(attempt: Attempt, checks: Sequence[Check], failure: str) -> Judgement:
    """Give what the checks come to under the gate's policy; a part of the rules says nothing of
    the gate, and that it says so.
    """
    policy = attempt.gate.policy
    verdict = judge(checks, policy.on_no_data)
    said = [failure or ("no row was tested" if was_empty(checks) else "")]
    if attempt.rules is not None:
        said.append(f"judged by {len(attempt.rules)} of the gate's rules alone: not its verdict")
    opens = is_open(verdict, policy.opens_on) if attempt.rules is None else None
    return Judgement(verdict, opens, build_counts(checks), "; ".join(filter(None, said)))


def remember(tx: Transaction, attempt: Attempt, judgement: Judgement, measured: Measured) -> None:
    """Keep what later runs of the gate go by: the table's columns when the rule set was first
    judged, and how far the table was judged open.
    """
    if attempt.columns is None and measured.columns:
        remember_columns(tx, attempt.gate.id, attempt.rule_set.hash, measured.columns)
    column = attempt.gate.policy.incremental
    if column and attempt.batch is None and judgement.open:
        match measured.batch:
            case Range(through=str() as watermark):
                raise_watermark(tx, attempt.gate.id, column, watermark)


def acknowledge(store: Store, run_id: RunId) -> None:
    """Give the answer to whoever asked."""
    with store.transaction() as tx:
        acknowledge_http(tx, run_id)
        answered = load_run(tx, run_id)
    log.info("answer given", action="acknowledged", **_named(answered))


def forget(store: Store) -> None:
    """Delete what may not be kept any longer, and what is of no use any more: samples of failing
    rows, runners that were lost.
    """
    with store.transaction() as tx:
        checks = forget_samples(tx)
        forget_lost_runners(tx)
    log.info("samples forgotten", action="samples_forgotten", checks=checks)


def _while_store_is_away() -> Retrying:
    """Try again while the store can't be reached: an answer that was measured isn't thrown away."""
    return Retrying(
        retry=retry_if_exception_type(StoreUnavailable),
        wait=wait_exponential(max=15),
        stop=stop_after_delay(600),
        reraise=True,
    )


def _named(it: Run | Attempt) -> dict[str, str]:
    """What every line of the log about a run names."""
    match it:
        case Run(id=run_id, table=table):
            return {"run_id": str(run_id), "request_id": str(it.request_id), "gate": table}
        case Attempt(run_id=run_id, gate=gate):
            return {"run_id": str(run_id), "request_id": str(it.request_id), "gate": gate.table}
