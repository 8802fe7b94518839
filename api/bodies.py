"""What the API takes: bodies and queries."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from gatekeeper.configuration.changes import Absent
from gatekeeper.configuration.document import (
    ColumnName,
    RuleDocument,
    RuleName,
    Strict,
    TableName,
    Text,
)
from gatekeeper.domain.batch import Batch, parse_batch
from gatekeeper.domain.run import Purpose, RunState
from gatekeeper.domain.verdict import Verdict

ShortText = Annotated[Text, Field(max_length=1000)]
EXAMPLE_RULE: dict[str, JsonValue] = {"type": "not_null", "parameters": {"column": "tailnum"}}

CorrelationId = Annotated[Text, Field(max_length=255)]
Scalar = ShortText | int | Annotated[float, Field(allow_inf_nan=False)] | bool


class BatchBody(Strict):
    """The slice to judge: rows of `column` from `from` (or after `after`) up to but not including
    `to` (or through `through`), or those with one of `values`. One end may be left open.
    """

    column: ColumnName
    start: Scalar | None = Field(default=None, alias="from")
    after: Scalar | None = None
    end: Scalar | None = Field(default=None, alias="to")
    through: Scalar | None = None
    values: Annotated[list[Scalar], Field(min_length=1, max_length=1000)] | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        lower = [end for end in (self.start, self.after) if end is not None]
        upper = [end for end in (self.end, self.through) if end is not None]
        if bool(lower or upper) == (self.values is not None):
            raise ValueError("give either the ends of a range, as 'from' and 'to', or 'values'")
        if len(lower) > 1 or len(upper) > 1:
            raise ValueError(
                "a range has one beginning, 'from' or 'after', and one end, 'to' or 'through'"
            )
        return self

    def batch(self) -> Batch:
        """The batch in the domain's words."""
        return parse_batch(self.model_dump(by_alias=True, exclude_none=True))


class TriggerBody(Strict):
    """The question: may this table, or this batch of it, be used?"""

    model_config = ConfigDict(json_schema_extra={"example": {"table": "flights.flights"}})

    table: TableName = Field(examples=["flights.flights"])
    warehouse: Text | None = None
    batch: BatchBody | None = None
    correlation_id: CorrelationId | None = None


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
