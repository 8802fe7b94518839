"""The question that a trigger asks, as it is sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from gatekeeper.configuration.document import ColumnName, RuleName, Strict, TableName, Text
from gatekeeper.contracts.callback_url import MAX_LENGTH, parse_url
from gatekeeper.domain.batch import Batch, parse_batch

ShortText = Annotated[Text, Field(max_length=1000)]

CorrelationId = Annotated[Text, Field(max_length=255)]

RuleNames = Annotated[
    list[RuleName],
    Field(
        min_length=1,
        max_length=1000,
        description="judge these rules of the gate alone; the verdict is then not the gate's",
    ),
]

CallbackUrl = Annotated[
    Text,
    Field(
        max_length=MAX_LENGTH,
        description="where the result is posted when the run is over; a host that is listed",
    ),
    AfterValidator(parse_url),
]


def _say_one_thing(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    """Raise one ValueError, where a union would name a problem for each of its types."""
    try:
        return handler(value)
    except ValidationError as error:
        told = [each["msg"] for each in error.errors() if not each["type"].endswith("_type")]
    raise ValueError(told[0] if told else "must be a text, a number, true or false")


Scalar = Annotated[
    ShortText | int | Annotated[float, Field(allow_inf_nan=False)] | bool,
    WrapValidator(_say_one_thing),
]
"""A value of a column, as JSON has it; what type it must be is known when the table is."""


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


def name_rules(names: Sequence[str] | None) -> tuple[str, ...] | None:
    """Give the names in the domain's form: each once, in order."""
    return None if names is None else tuple(sorted(set(names)))


class TriggerBody(Strict):
    """The question: may this table, or this batch of it, be used?"""

    model_config = ConfigDict(json_schema_extra={"example": {"table": "flights.flights"}})

    table: TableName = Field(examples=["flights.flights"])
    warehouse: Text | None = None
    batch: BatchBody | None = None
    rules: RuleNames | None = None
    correlation_id: CorrelationId | None = None
    callback_url: CallbackUrl | None = None
