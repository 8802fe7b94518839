"""What gates ask by themselves: when change events of their table came, when the table has grown,
and when the clock says so. A request of theirs goes the way of any other.

Each stage writes what it decides in one transaction, so that nothing is asked twice and no change
is forgotten.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from uuid import uuid4

import structlog
from croniter import croniter

from gatekeeper import flow
from gatekeeper.domain.batch import Batch, Range
from gatekeeper.domain.errors import GatekeeperError, RunnerError
from gatekeeper.domain.gate import Gate
from gatekeeper.domain.plan import Measure, build_look
from gatekeeper.domain.run import Request, RunId, Trigger
from gatekeeper.domain.watch import TableChange
from gatekeeper.queue.jobs import Queue
from gatekeeper.store.changes import gather, load_watched_tables, take_gathered
from gatekeeper.store.engine import Store, Transaction
from gatekeeper.store.gates import load_gate, load_warehouse
from gatekeeper.store.looks import claim_looks, load_look, note_look
from gatekeeper.store.schedules import set_schedules, take_due_gate

log = structlog.get_logger(__name__)

EVERY_SECONDS = 1.0


def gather_changes(store: Store, changes: Sequence[TableChange]) -> list[TableChange]:
    """Note changes for the gates that watch their tables; gives those that none does.

    Gathered twice they come to the same. Raises StoreUnavailable: then none was noted.
    """
    by_source: dict[str, list[TableChange]] = defaultdict(list)
    for change in changes:
        by_source[change.source].append(change)
    with store.transaction() as tx:
        # In one order, or two consumers could wait for each other.
        watched = sorted(load_watched_tables(tx), key=lambda table: table.gate_id)
        for table in watched:
            if table.source in by_source:
                gather(tx, table.gate_id, table.watch, by_source[table.source])
    known = {table.source for table in watched}
    return [change for change in changes if change.source not in known]


def ask_of_changes(store: Store, queue: Queue) -> bool:
    """Ask a gate whose window is over about all that changed in it; False where no other is."""
    with store.transaction() as tx:
        gathered = take_gathered(tx)
        if gathered is None:
            return False
        gate = load_gate(tx, gathered.gate_id)
        watch = gate.policy.watch
        if watch is None or watch.window_seconds is None:
            return True
        span = gathered.span if gathered.column == watch.column else None
        batch = span.batch(watch.column) if span and watch.column else None
        _ask(tx, queue, gate, Trigger.CDC, batch)
    log.info("changes gathered", action="changed", gate=gate.table, changes=gathered.changes)
    return True


def queue_looks(store: Store, queue: Queue) -> None:
    """Queue a look for each gate that is to look at its table now."""
    with store.transaction() as tx:
        for gate_id in claim_looks(tx):
            queue.defer_look(tx, gate_id, load_gate(tx, gate_id).pool)


def look(store: Store, queue: Queue, measure: Measure, gate_id: int) -> None:
    """Look at the gate's table, and ask about the rows above those it saw before, if there are."""
    with store.transaction() as tx:
        gate, before = load_gate(tx, gate_id), load_look(tx, gate_id)
        warehouse = load_warehouse(tx, gate.warehouse)
    if before is None:
        return
    plan = build_look(RunId(uuid4()), gate, warehouse, before.column, before.seen)
    seen, trouble = None, ""
    try:
        match measure(plan).batch:
            case Range(through=str() as highest):
                seen = highest
    except RunnerError as error:
        trouble = str(error)
        log.warning("could not look", action="look_failed", gate=gate.table, reason=trouble)
    with store.transaction() as tx:
        if note_look(tx, gate_id, before, seen, trouble) and seen is not None:
            new = Range(before.column, after=before.seen, through=seen)
            _ask(tx, queue, gate, Trigger.CDC, new)


def ask_on_schedule(store: Store, queue: Queue) -> bool:
    """Ask a gate whose time has come; False where no other's has."""
    with store.transaction() as tx:
        set_schedules(tx, _find_next)
        gate_id = take_due_gate(tx, _find_next)
        if gate_id is not None:
            _ask(tx, queue, load_gate(tx, gate_id), Trigger.SCHEDULE, None)
    return gate_id is not None


def _find_next(cron: str, after: datetime) -> datetime:
    found: datetime = croniter(cron, after).get_next(datetime)
    return found


def _ask(tx: Transaction, queue: Queue, gate: Gate, trigger: Trigger, batch: Batch | None) -> None:
    if not gate.can_judge:
        log.warning("a gate without rules", action="not_asked", gate=gate.table, trigger=trigger)
        return
    request = Request(gate.table, trigger, gate.warehouse, batch)
    run = flow.receive_within(tx, queue, request).run
    log.info(
        "request received",
        action="received",
        run_id=str(run.id),
        request_id=str(run.request_id),
        gate=gate.table,
        trigger=trigger.value,
    )


def watch(store: Store, queue: Queue) -> None:
    """Ask whatever is due."""
    while ask_of_changes(store, queue) or ask_on_schedule(store, queue):
        pass
    queue_looks(store, queue)


async def watch_for_ever(store: Store, queue: Queue) -> None:
    """Ask every second; a store that is away is waited for."""
    while True:
        try:
            await asyncio.to_thread(watch, store, queue)
        except GatekeeperError as error:
            log.warning("watching waits", action="watch_waits", reason=str(error))
        await asyncio.sleep(EVERY_SECONDS)
