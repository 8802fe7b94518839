"""Completing the OpenAPI document with what APIFlask can't know."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from api.errors import PROBLEM_TYPE
from api.schemas import ProblemView

_PROBLEM = {"$ref": "#/components/schemas/Problem"}

_TRIGGER_HEADERS = [
    {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "the same key and body give the same run; at most 255 characters",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    },
    {
        "name": "Prefer",
        "in": "header",
        "description": "wait=30 waits for the verdict, up to so many seconds",
        "schema": {"type": "string"},
        "example": "wait=30",
    },
]

_EVERYWHERE = {
    "500": "Something unforeseen went wrong",
    "503": "The store can't be reached; try again",
}


def complete_spec(spec: dict[str, Any]) -> dict[str, Any]:
    """Say that errors are problem details, and what the trigger's headers and answers are."""
    schemas = spec["components"]["schemas"]
    schemas["Problem"] = ProblemView.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(schemas["Problem"].pop("$defs"))
    for unused in ("HTTPError", "ValidationError"):
        schemas.pop(unused, None)
    for path in spec["paths"].values():
        for operation in path.values():
            if isinstance(operation, dict):
                _complete_operation(operation)
    trigger = spec["paths"]["/api/v1/runs"]["post"]
    trigger["parameters"] = _TRIGGER_HEADERS + trigger.get("parameters", [])
    accepted = trigger["responses"]["202"]
    accepted["description"] = "The run isn't finished; Location says where to look"
    trigger["responses"]["200"] = {**accepted, "description": "The run with its verdict"}
    for status, why in (("404", "No such gate"), ("413", "The body is over 1 MiB")):
        trigger["responses"][status] = _problem_response(why)
    spec["servers"] = [{"url": "/"}]
    return spec


def _complete_operation(operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    if operation["operationId"] != "getHealth":
        for status, why in _EVERYWHERE.items():
            responses.setdefault(status, {"description": why})
    for status, response in responses.items():
        if int(status) >= HTTPStatus.BAD_REQUEST and not (
            operation["operationId"] == "getReadiness" and status == "503"
        ):
            responses[status] = _problem_response(response["description"])
        elif int(status) >= HTTPStatus.BAD_REQUEST:
            response["content"] = responses["200"]["content"]


def _problem_response(description: str) -> dict[str, Any]:
    return {"description": description, "content": {PROBLEM_TYPE: {"schema": _PROBLEM}}}
