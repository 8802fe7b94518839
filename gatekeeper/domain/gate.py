"""Gates and the warehouses that hold their tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from gatekeeper.domain.fleet import DEFAULT_POOL
from gatekeeper.domain.rule import RuleSet
from gatekeeper.domain.samples import NO_SAMPLES, SamplePolicy
from gatekeeper.domain.verdict import OnNoData, Verdict
from gatekeeper.domain.watch import Watch


class Mode(StrEnum):
    """How a gate answers: in the trigger's own answer, later, or not at all."""

    INLINE = "inline"
    ASYNC = "async"
    OFF = "off"


@dataclass(frozen=True)
class DbtProject:
    """A dbt project of the user's own: a folder that the runners have, which of its tests are the
    gate's, as dbt selects them, and the schema that its models are in.
    """

    folder: str
    select: str
    target_schema: str


@dataclass(frozen=True)
class Policy:
    """What a gate makes of a verdict, and how long it may take to reach one. `incremental` is the
    column that tells new rows: a run that is asked for no batch judges those alone. The tests of
    `dbt_project` are judged beside the gate's rules. Nobody needs to ask for runs that `watch` and
    `cron` ask for: when the table changes, and at these times of UTC. `pool` names the runners that
    are to judge it, where they aren't those of its warehouse.
    """

    mode: Mode = Mode.ASYNC
    opens_on: frozenset[Verdict] = frozenset({Verdict.PASS, Verdict.WARN})
    on_no_data: OnNoData = OnNoData.FAIL
    deadline_seconds: int = 600
    incremental: str | None = None
    samples: SamplePolicy = NO_SAMPLES
    dbt_project: DbtProject | None = None
    watch: Watch | None = None
    cron: str | None = None
    pool: str | None = None


@dataclass(frozen=True)
class Warehouse:
    """A database that holds judged tables. `connection` holds values or references such as
    `env:NAME`; a password is always a reference. `pool` names the runners that are next to it.
    """

    name: str
    adapter: str
    connection: Mapping[str, str | int]
    pool: str | None = None


@dataclass(frozen=True)
class Tags:
    """The words by which templates find a gate, and columns of its table."""

    gate: tuple[str, ...] = ()
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class StoredRuleSet:
    """A rule set with who brought it, and when it first was the gate's."""

    rule_set: RuleSet
    author: str
    created_at: datetime


@dataclass(frozen=True)
class Gate:
    """A table of a warehouse (`schema.table`) with its rules and its policy. `watermark` is the
    highest value of the incremental column that was judged open, in its written form; `salt` goes
    into the hashes of its samples; `pool` is the one whose runners judge it.
    """

    id: int
    warehouse: str
    table: str
    description: str
    policy: Policy
    rule_set: RuleSet
    watermark: str | None = None
    salt: str = ""
    pool: str = DEFAULT_POOL
    tags: Tags = field(default_factory=Tags)

    @property
    def can_judge(self) -> bool:
        """Whether there is anything to judge by."""
        return self.rule_set.can_judge or self.policy.dbt_project is not None
