"""The contracts as JSON Schema, and the result's as Avro too, for the pages in docs/contracts."""

from __future__ import annotations

import json
from typing import Any

from pydantic import TypeAdapter

from gatekeeper.contracts.result import ResultMessage
from gatekeeper.kafka.wire.cloudevents import Event
from gatekeeper.kafka.wire.dataset import DatasetMessage
from gatekeeper.kafka.wire.debezium import ChangeEvent, ChangeWithSchema
from gatekeeper.kafka.wire.result_avro import RESULT_SCHEMA
from gatekeeper.kafka.wire.trigger import TriggerMessage

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def render_schemas() -> dict[str, str]:
    """Give the text of each file, by its name."""
    forms: dict[str, TypeAdapter[Any]] = {
        "trigger": TypeAdapter(TriggerMessage),
        "cloudevents": TypeAdapter(Event),
        "debezium": TypeAdapter(ChangeWithSchema | ChangeEvent),
        "dataset": TypeAdapter(DatasetMessage),
        "result": TypeAdapter(ResultMessage),
    }
    texts = {
        f"{name}.schema.json": _text({"$schema": DIALECT, **form.json_schema()})
        for name, form in forms.items()
    }
    return {**texts, "result.avsc": _text(RESULT_SCHEMA)}


def _text(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=2) + "\n"
