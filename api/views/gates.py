"""Gates, their rules and rule sets, and the catalogue."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any, Self

from pydantic import ConfigDict

from api.views import View
from api.views.config import ChangeView
from gatekeeper.domain.gate import DbtProject, Gate, Mode
from gatekeeper.domain.rule import Dimension, Entity, Kind, Rule, RuleType, Severity, Shape
from gatekeeper.domain.samples import Mask, Show
from gatekeeper.domain.verdict import OnNoData, Verdict
from gatekeeper.domain.watch import Watch
from gatekeeper.store.changes import Gathered


class RuleView(View):
    """A rule. `template` is what put it on the gate. One with `for_columns` is for every column
    that matches one of these patterns when the gate is judged.
    """

    model_config = ConfigDict(from_attributes=True, frozen=True)

    name: str
    type: str
    parameters: dict[str, Any]
    kind: Kind
    dimension: Dimension
    entity: Entity
    severity: Severity
    warn_above: str
    error_above: str
    enabled: bool
    description: str
    owner: str
    columns: list[str]
    template: str
    for_columns: list[str]

    @classmethod
    def of(cls, rule: Rule) -> Self:
        """Show a rule."""
        return cls.model_validate(rule)


class SamplePolicyView(View):
    """What may be kept of failing rows, and for how long."""

    show: Show
    key: list[str]
    columns: list[str]
    masks: dict[str, Mask]
    rows: int
    keep_hours: int


class DbtProjectView(View):
    """A dbt project of the user's own, whose selected tests are judged beside the rules."""

    folder: str
    select: str
    target_schema: str

    @classmethod
    def of(cls, project: DbtProject | None) -> Self | None:
        """Show a gate's project, if it has one."""
        return cls.model_validate(asdict(project)) if project else None


class WatchView(View):
    """How a gate learns of new rows: it looks at a column, or gathers change events."""

    column: str | None
    every_seconds: int | None
    window_seconds: int | None
    changes_of: str | None

    @classmethod
    def of(cls, watch: Watch | None) -> Self | None:
        """Show how a gate watches, if it does."""
        return cls.model_validate(asdict(watch)) if watch else None


class LookView(View):
    """How far a gate's table was seen, in the column's written form, and when it is looked at
    again. `trouble` says why the last look saw nothing.
    """

    column: str
    seen: str | None
    trouble: str
    looked_at: datetime | None
    due_at: datetime


class GatheredView(View):
    """What changed and wasn't asked about yet: from the smallest to the greatest value of the
    column, or without these the whole table.
    """

    column: str | None
    low: str | int | float | None
    high: str | int | float | None
    changes: int
    due_at: datetime

    @classmethod
    def of(cls, gathered: Gathered) -> Self:
        """Show what was gathered."""
        span = gathered.span
        return cls(
            column=gathered.column,
            low=span.low if span else None,
            high=span.high if span else None,
            changes=gathered.changes,
            due_at=gathered.due_at,
        )


class WatchStateView(View):
    """What came of watching so far, and when a gate with a schedule is asked next."""

    look: LookView | None
    gathered: GatheredView | None
    scheduled_at: datetime | None


class GateSummary(View):
    """A gate without its rules."""

    warehouse: str
    table: str
    description: str
    tags: list[str]
    column_tags: dict[str, list[str]]
    mode: Mode
    opens_on: list[Verdict]
    on_no_data: OnNoData
    deadline_seconds: int
    incremental: str | None
    watermark: str | None
    samples: SamplePolicyView
    dbt_project: DbtProjectView | None
    watch: WatchView | None
    cron: str | None
    pool: str
    rule_set: str
    rule_count: int

    @classmethod
    def of(cls, gate: Gate) -> Self:
        """Show a gate."""
        return cls(**_gate_fields(gate))


class GateView(GateSummary):
    """A gate with its rules."""

    rules: list[RuleView]

    @classmethod
    def of(cls, gate: Gate) -> Self:
        """Show a gate."""
        return cls(**_gate_fields(gate), rules=[RuleView.of(rule) for rule in gate.rule_set.rules])


def _gate_fields(gate: Gate) -> dict[str, Any]:
    return {
        "warehouse": gate.warehouse,
        "table": gate.table,
        "description": gate.description,
        "tags": list(gate.tags.gate),
        "column_tags": {column: list(tags) for column, tags in gate.tags.columns.items()},
        "mode": gate.policy.mode,
        "opens_on": sorted(gate.policy.opens_on),
        "on_no_data": gate.policy.on_no_data,
        "deadline_seconds": gate.policy.deadline_seconds,
        "incremental": gate.policy.incremental,
        "watermark": gate.watermark,
        "dbt_project": DbtProjectView.of(gate.policy.dbt_project),
        "watch": WatchView.of(gate.policy.watch),
        "cron": gate.policy.cron,
        "pool": gate.pool,
        "samples": SamplePolicyView.model_validate(gate.policy.samples, from_attributes=True),
        "rule_set": gate.rule_set.hash,
        "rule_count": len(gate.rule_set.rules),
    }


class ColumnsView(View):
    """The table's columns in their order, with their types, as they were when the gate's rule set
    was first judged; none before.
    """

    rule_set: str
    columns: dict[str, str]


class GateList(View):
    """Every gate."""

    items: list[GateSummary]


class RuleTypeView(View):
    """A rule type; `parameters` is the JSON Schema of a rule's parameters. The SQL of a `trusted`
    one is the operator's own, and takes values as they are.
    """

    model_config = ConfigDict(from_attributes=True, frozen=True)

    name: str
    description: str
    dimension: Dimension
    entity: Entity
    shape: Shape
    parameters: dict[str, Any]
    example: dict[str, Any]
    trusted: bool

    @classmethod
    def of(cls, rule_type: RuleType) -> Self:
        """Show a rule type."""
        return cls.model_validate(rule_type)


class RuleTypeList(View):
    """The catalogue."""

    items: list[RuleTypeView]


class RuleSetView(View):
    """A rule set that the gate had, or has; `changes` are against the one before."""

    hash: str
    author: str
    created_at: datetime
    current: bool
    rule_count: int
    changes: list[ChangeView]


class RuleSetList(View):
    """Every rule set of a gate, the newest first."""

    items: list[RuleSetView]
