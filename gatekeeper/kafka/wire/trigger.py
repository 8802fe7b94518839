"""The plain form: the body of `POST /api/v1/runs`, and what the asker calls the question."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from gatekeeper.configuration.document import Name
from gatekeeper.contracts.problems import validate
from gatekeeper.contracts.trigger import TriggerBody, name_rules
from gatekeeper.kafka.wire.record import Trigger

RequestId = Annotated[
    Name, Field(description="what the asker calls the question: the same twice is asked once")
]


class TriggerMessage(TriggerBody):
    """The question: may this table, or this batch of it, be used?"""

    request_id: RequestId | None = None


def read_trigger(content: Any) -> Trigger:
    """Read the plain form; raises InvalidRequest."""
    return build_trigger(validate(TriggerMessage, content))


def build_trigger(message: TriggerMessage) -> Trigger:
    """Give what a valid message asks."""
    return Trigger(
        table=message.table,
        warehouse=message.warehouse,
        batch=message.batch.batch() if message.batch else None,
        request_id=message.request_id,
        rules=name_rules(message.rules),
        correlation_id=message.correlation_id,
        callback_url=message.callback_url,
    )
