"""The plan: the checks of one run as data, which is all that a runner is handed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gatekeeper.domain.batch import Batch
from gatekeeper.domain.gate import DbtProject, Gate, Warehouse
from gatekeeper.domain.rule import Rule, build_rule_set, select_rules
from gatekeeper.domain.run import Attempt, Purpose, RunId
from gatekeeper.domain.samples import Sampling
from gatekeeper.domain.verdict import Measured


@dataclass(frozen=True)
class Increment:
    """The new rows: those whose `column` is above the watermark; all, while that is None."""

    column: str
    watermark: str | None


@dataclass(frozen=True)
class Plan:
    """What to measure, where, and by when. `rules` are the enabled ones; `rule_set_hash` names
    them, so that what was parsed for one run serves the next. `attempt` counts from 1. Where there
    is an `increment`, the batch is what the runner finds it to be; `sampling` says what to take of
    failing rows, if anything.
    """

    run_id: RunId
    attempt: int
    warehouse: Warehouse
    gate_id: int
    table: str
    rule_set_hash: str
    rules: tuple[Rule, ...]
    batch: Batch | None
    deadline_seconds: int
    increment: Increment | None = None
    sampling: Sampling | None = None
    dbt_project: DbtProject | None = None


def build_plan(attempt: Attempt, warehouse: Warehouse) -> Plan:
    """Lay out the checks of an attempt: one for each enabled rule that is asked for."""
    whole, rules = attempt.rules is None, select_rules(attempt.rule_set.rules, attempt.rules)
    return Plan(
        run_id=attempt.run_id,
        attempt=attempt.number,
        warehouse=warehouse,
        gate_id=attempt.gate.id,
        table=attempt.gate.table,
        # A part is a rule set of its own to the runner, which keeps parsed what it names.
        rule_set_hash=attempt.rule_set.hash if whole else build_rule_set(rules).hash,
        rules=tuple(rule for rule in rules if rule.enabled),
        batch=attempt.batch,
        increment=_increment(attempt),
        sampling=_sampling(attempt.gate),
        # A rule that is tried is tried alone, and who names rules names no test of a project.
        dbt_project=attempt.gate.policy.dbt_project
        if whole and attempt.purpose is not Purpose.TRY
        else None,
        deadline_seconds=attempt.gate.policy.deadline_seconds,
    )


def build_look(
    run_id: RunId, gate: Gate, warehouse: Warehouse, column: str, seen: str | None
) -> Plan:
    """Lay out a look at the table: without a check, for what is new alone. Nothing is stored of its
    run; the id names its sessions on the warehouse.
    """
    return Plan(
        run_id=run_id,
        attempt=1,
        warehouse=warehouse,
        gate_id=gate.id,
        table=gate.table,
        rule_set_hash="look",
        rules=(),
        batch=None,
        increment=Increment(column, seen),
        deadline_seconds=gate.policy.deadline_seconds,
    )


def _increment(attempt: Attempt) -> Increment | None:
    column = attempt.gate.policy.incremental
    if column is None or attempt.batch is not None or attempt.purpose is not Purpose.JUDGE:
        return None
    return Increment(column, attempt.gate.watermark)


def _sampling(gate: Gate) -> Sampling | None:
    samples = gate.policy.samples
    if not samples.allowed:
        return None
    return Sampling(samples.allowed, samples.masks, samples.rows, gate.salt)


Measure = Callable[[Plan], Measured]
"""Carries a plan out on its warehouse. Raises RunnerError where nothing could be measured."""
