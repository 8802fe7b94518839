"""What the API takes beside a trigger: bodies and queries."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from gatekeeper.configuration.changes import Absent
from gatekeeper.configuration.document import RuleDocument, RuleName, Strict, Text
from gatekeeper.contracts.trigger import BatchBody, CorrelationId
from gatekeeper.domain.run import Purpose, RunState
from gatekeeper.domain.verdict import Verdict

EXAMPLE_RULE: dict[str, JsonValue] = {"type": "not_null", "parameters": {"column": "tailnum"}}


class TriedRule(RuleDocument):
    """A rule as in a configuration file; to be tried it needs no name."""

    name: RuleName = "tried"


class TryBody(Strict):
    """A rule that isn't saved, and what to try it on; the whole table where no batch is named."""

    model_config = ConfigDict(json_schema_extra={"example": {"rule": EXAMPLE_RULE}})

    rule: TriedRule
    batch: BatchBody | None = None
    correlation_id: CorrelationId | None = None


class BacktestBody(Strict):
    """Rules as they would be, all of them, and how many of the last batches to judge again."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"rules": [{"name": "tailnum_present", **EXAMPLE_RULE}], "batches": 30}
        }
    )

    rules: list[RuleDocument] | None = None
    batches: Annotated[int, Field(ge=1, le=200)] = 30


class RunQuery(BaseModel):
    """Which runs to list."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    table: Text | None = None
    warehouse: Text | None = None
    verdict: Verdict | None = None
    state: RunState | None = None
    purpose: Purpose = Field(default=Purpose.JUDGE, description="trials only when asked for")
    since: datetime | None = Field(default=None, description="received at or after (ISO 8601)")
    cursor: Annotated[str, Field(pattern="^[0-9]{1,18}$")] | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 50


class GateQuery(BaseModel):
    """Which of the gates of that name, where several warehouses have one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    warehouse: Text | None = None


class ApplyQuery(BaseModel):
    """How to apply a configuration."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dry_run: bool = False
    absent: Absent = Absent.KEEP
