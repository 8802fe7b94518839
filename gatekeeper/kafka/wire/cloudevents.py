"""CloudEvents 1.0: the plain form as the data of an event, in either of the two Kafka modes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from gatekeeper.configuration.document import Name
from gatekeeper.contracts.problems import validate
from gatekeeper.contracts.trigger import CorrelationId
from gatekeeper.kafka.wire.headers import CONTENT_TYPE, EVENT_PREFIX
from gatekeeper.kafka.wire.record import Trigger
from gatekeeper.kafka.wire.trigger import TriggerMessage, build_trigger, read_trigger

STRUCTURED = "application/cloudevents+json"


class EventAttributes(BaseModel):
    """What StringX reads of an event beside its data; other attributes may stand there too.

    `id` is the trigger's `request_id`, and `correlationid` its `correlation_id`, unless the data
    has its own.
    """

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)

    specversion: Literal["1.0"]
    id: Name
    source: Name
    type: Literal["stringx.trigger"]
    correlationid: CorrelationId | None = None


class Event(EventAttributes):
    """A whole event in structured mode."""

    data: TriggerMessage


def is_binary(headers: Mapping[str, str]) -> bool:
    """Whether the attributes are in the headers, and the value is the data."""
    return f"{EVENT_PREFIX}specversion" in headers


def is_structured(headers: Mapping[str, str], content: Mapping[str, Any]) -> bool:
    """Whether the value is a whole event."""
    media_type = headers.get(CONTENT_TYPE, "").partition(";")[0].strip().lower()
    return media_type == STRUCTURED or "specversion" in content


def read_binary(headers: Mapping[str, str], content: Any) -> Trigger:
    """Read an event whose attributes are headers; raises InvalidRequest."""
    named = {name.removeprefix(EVENT_PREFIX): value for name, value in headers.items()}
    attributes = validate(EventAttributes, named, EVENT_PREFIX)
    return _complete(read_trigger(content), attributes)


def read_structured(content: Mapping[str, Any]) -> Trigger:
    """Read a whole event; raises InvalidRequest."""
    event = validate(Event, content)
    return _complete(build_trigger(event.data), event)


def _complete(trigger: Trigger, attributes: EventAttributes) -> Trigger:
    return replace(
        trigger,
        request_id=trigger.request_id or attributes.id,
        correlation_id=trigger.correlation_id or attributes.correlationid,
    )
