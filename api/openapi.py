"""Completing the OpenAPI document with what APIFlask can't know."""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from typing import Any

from api.errors import PROBLEM_TYPE
from api.views.problems import ProblemView

_PROBLEM = {"$ref": "#/components/schemas/ProblemView"}

_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "the same key and body give the same run; at most 255 characters",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}
_PREFER = {
    "name": "Prefer",
    "in": "header",
    "description": "wait=30 waits for the verdict, up to so many seconds",
    "schema": {"type": "string"},
    "example": "wait=30",
}

# What answers with a run, now or later.
_HEADERS = {"triggerRun": [_IDEMPOTENCY_KEY, _PREFER], "tryRule": [_PREFER]}

_EVERYWHERE = {
    "500": "Something unforeseen went wrong",
    "503": "The store can't be reached; try again",
}


def complete_spec(spec: dict[str, Any]) -> dict[str, Any]:
    """Say that errors are problem details, and what the headers and answers of a trigger are."""
    spec["servers"] = [{"url": "/"}]
    schemas = spec["components"]["schemas"]
    problem = ProblemView.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs"), ProblemView=problem)
    for unused in ("HTTPError", "ValidationError"):
        schemas.pop(unused, None)
    for path in spec["paths"].values():
        for operation in path.values():
            _complete_operation(operation)
    return _name_schemas_once(spec)


def _complete_operation(operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    if "requestBody" in operation:
        operation["requestBody"]["required"] = True
        responses["202"]["description"] = "It isn't finished; Location says where to look"
        responses["404"] = {"description": "No such gate"}
        responses["413"] = {"description": "The body is over 1 MiB"}
    if headers := _HEADERS.get(operation["operationId"]):
        operation["parameters"] = [*operation.get("parameters", []), *headers]
        responses["200"] = {**responses["202"], "description": "The run with its verdict"}
    if operation["operationId"] != "getHealth":
        for status, why in _EVERYWHERE.items():
            responses.setdefault(status, {"description": why})
    for status, response in responses.items():
        if int(status) < HTTPStatus.BAD_REQUEST:
            continue
        if (operation["operationId"], status) == ("getReadiness", "503"):
            # Not ready is an answer, not an error.
            response["content"] = responses["200"]["content"]
        else:
            responses[status] = _problem_response(response["description"])


def _problem_response(description: str) -> dict[str, Any]:
    return {"description": description, "content": {PROBLEM_TYPE: {"schema": _PROBLEM}}}


def _name_schemas_once(spec: dict[str, Any]) -> dict[str, Any]:
    """Take away the prefix that APIFlask gives the parts of a schema: `RunPage.RunView` is our
    `RunView`, and stands there once.
    """
    schemas = spec["components"]["schemas"]
    spec["components"]["schemas"] = {name.rpartition(".")[2]: schemas[name] for name in schemas}
    text = re.sub(r"(#/components/schemas/)\w+\.", r"\1", json.dumps(spec))
    named: dict[str, Any] = json.loads(text)
    return named
