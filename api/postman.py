"""The Postman collection (format 2.1) of the API, made from its OpenAPI document."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
BASE_URL = "http://127.0.0.1:5001"


def render_collection(spec: Mapping[str, Any]) -> str:
    """Give the collection as JSON: a folder for each tag, a request for each operation."""
    folders: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for path, operations in spec["paths"].items():
        for method, operation in operations.items():
            if isinstance(operation, dict):
                request = _request(path, method, operation)
                if "requestBody" in operation:
                    request["header"].append({"key": "Content-Type", "value": "application/json"})
                    request["body"] = _body(operation["requestBody"], spec["components"]["schemas"])
                named = {"name": operation["summary"], "request": request}
                folders[operation["tags"][0]].append(named)
    collection = {
        "info": {"name": spec["info"]["title"], "schema": SCHEMA},
        "item": [{"name": tag, "item": requests} for tag, requests in folders.items()],
        "variable": [{"key": "baseUrl", "value": BASE_URL}],
    }
    return json.dumps(collection, indent=2) + "\n"


def _request(path: str, method: str, operation: Mapping[str, Any]) -> dict[str, Any]:
    parameters = operation.get("parameters", [])
    steps = [re.sub(r"^\{(.+)\}$", r":\1", step) for step in path.strip("/").split("/")]
    return {
        "method": method.upper(),
        "description": operation.get("description", ""),
        "header": [_parameter(each) for each in parameters if each["in"] == "header"],
        "url": {
            "raw": "{{baseUrl}}/" + "/".join(steps),
            "host": ["{{baseUrl}}"],
            "path": steps,
            "query": [_parameter(each) for each in parameters if each["in"] == "query"],
            "variable": [_parameter(each) for each in parameters if each["in"] == "path"],
        },
    }


def _body(described: Mapping[str, Any], schemas: Mapping[str, Any]) -> dict[str, Any]:
    """Give the example that the body's schema has."""
    name = described["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    return {"mode": "raw", "raw": json.dumps(schemas[name]["example"], indent=2)}


def _parameter(parameter: Mapping[str, Any]) -> dict[str, Any]:
    """Give a parameter; one that may be left out is there, switched off."""
    return {
        "key": parameter["name"],
        "value": str(parameter.get("example", "")),
        "description": parameter.get("description", ""),
        "disabled": not parameter.get("required", False),
    }
