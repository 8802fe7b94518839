"""A result in Avro: the fields of the JSON form, with the batch as JSON text."""

from __future__ import annotations

import json
from typing import Any

from gatekeeper.contracts.result import ResultMessage

_TIME = {"type": "long", "logicalType": "timestamp-micros"}
_LONGS = {"type": "map", "values": "long"}
_COUNTS = {
    "type": "record",
    "name": "Counts",
    "fields": [
        *({"name": name, "type": "long"} for name in ("expected", "executed")),
        *({"name": name, "type": "long"} for name in ("not_judged", "skipped")),
        {"name": "outcomes", "type": _LONGS},
        *(
            {"name": name, "type": {"type": "map", "values": _LONGS}}
            for name in ("dimensions", "kinds")
        ),
    ],
}

RESULT_SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "Result",
    "namespace": "stringx",
    "fields": [
        *(
            {"name": name, "type": "string"}
            for name in ("message_id", "request_id", "run_id", "warehouse", "table", "trigger")
        ),
        {"name": "correlation_id", "type": ["null", "string"], "default": None},
        {"name": "batch", "type": ["null", "string"], "default": None, "doc": "JSON"},
        {"name": "rule_set", "type": "string"},
        {
            "name": "rules",
            "type": ["null", {"type": "array", "items": "string"}],
            "default": None,
        },
        {"name": "state", "type": "string", "default": "finished"},
        {"name": "verdict", "type": ["null", "string"], "default": None},
        {"name": "open", "type": ["null", "boolean"], "default": None},
        {"name": "message", "type": "string"},
        {"name": "counts", "type": ["null", _COUNTS], "default": None},
        {"name": "received_at", "type": _TIME},
        {"name": "finished_at", "type": ["null", _TIME], "default": None},
    ],
}

RESULT_SCHEMA_TEXT = json.dumps(RESULT_SCHEMA)


def avro_content(result: ResultMessage) -> dict[str, Any]:
    """Give the result as the schema has it."""
    return {
        **result.model_dump(mode="json"),
        "batch": None if result.batch is None else json.dumps(result.batch),
        "received_at": result.received_at,
        "finished_at": result.finished_at,
    }
