"""Reading rule types: each file of stringx/rule_types opens with what a reader must know of it.

A file `not_null.sql` begins with a Jinja comment that holds YAML, `{#---` to `---#}`: description,
dimension, entity, shape, the parameters as a JSON Schema, and an example. The rest of the file is
dbt's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from gatekeeper.domain.errors import Problem
from gatekeeper.domain.expansion import COLUMN_PARAMETERS
from gatekeeper.domain.rule import Dimension, Entity, RuleType, Shape
from gatekeeper.settings import ROOT

RULE_TYPES = ROOT / "stringx" / "rule_types"

_FRONT_MATTER = re.compile(r"\A\{#---\n(.*?)\n---#\}", re.DOTALL)

# 63 bytes is what PostgreSQL keeps of a name; other warehouses keep more.
_NAME = {"type": "string", "maxLength": 255, "pattern": "^[^\\u0000]+$"}
_TEXT = {"type": "string", "maxLength": 10000, "pattern": "^[^\\u0000]*$"}

DEFINITIONS: Mapping[str, Any] = {
    "column": {**_NAME, "description": "a column of the gate's table"},
    "other_column": {**_NAME, "description": "a column of the other table"},
    "column_name": {**_NAME, "description": "the name of a column that the table should have"},
    "table": {
        **_NAME,
        "pattern": "^[^.\\u0000]+\\.[^.\\u0000]+$",
        "description": "a table of the gate's warehouse, as schema.table",
    },
    "value": {
        "anyOf": [_TEXT, {"type": "number"}, {"type": "boolean"}],
        "description": "a value: text, a number or a boolean",
    },
    "bound": {
        "anyOf": [_TEXT, {"type": "number"}],
        "description": "a number, or text in the column's own type, such as a date",
    },
    "percent": {"type": "number", "minimum": 0, "maximum": 100, "description": "0 to 100"},
    "count": {"type": "integer", "minimum": 0, "description": "a number of rows or of values"},
    "tolerance": {"type": "number", "minimum": 0, "description": "a difference that is let pass"},
    "duration": {
        "type": "number",
        "minimum": 0,
        "maximum": 1_000_000_000,
        "description": "a length of time, in the rule's unit",
    },
    "unit": {
        "enum": ["seconds", "minutes", "hours", "days"],
        "description": "seconds, minutes, hours or days (of 24 hours)",
    },
    "pattern": {
        "type": "string",
        "minLength": 1,
        "maxLength": 1000,
        "pattern": "^[^\\u0000]+$",
        "description": "a regular expression in the warehouse's own dialect",
    },
    "argument": {
        "type": ["string", "number", "boolean", "null", "array", "object"],
        "propertyNames": {"type": "string"},
        "additionalProperties": {"$ref": "#/$defs/argument"},
        "items": {"$ref": "#/$defs/argument"},
        "description": "any JSON value, which the test takes as it is",
    },
}
"""What the parameters of rule types are made of; each type's schema carries them as $defs."""


def load_rule_types(directory: Path = RULE_TYPES) -> dict[str, RuleType]:
    """Read every rule type; a file that isn't one raises ValueError that names it."""
    return {path.stem: _load(path) for path in sorted(directory.glob("*.sql"))}


def _load(path: Path) -> RuleType:
    found = _FRONT_MATTER.match(path.read_text(encoding="utf-8"))
    if found is None:
        raise ValueError(f"{path.name}: a rule type opens with a comment from {{#--- to ---#}}")
    about = yaml.safe_load(found.group(1))
    try:
        rule_type = RuleType(
            name=path.stem,
            description=about["description"],
            dimension=Dimension(about["dimension"]),
            entity=Entity(about["entity"]),
            shape=Shape(about["shape"]),
            parameters=build_schema(about["parameters"]),
            example=about["example"],
        )
    except KeyError as missing:
        raise ValueError(f"{path.name}: {missing.args[0]} is missing") from missing
    for problem in check_parameters(rule_type, rule_type.example, "example"):
        raise ValueError(f"{path.name}: {problem}")
    return rule_type


def build_schema(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Give the whole JSON Schema of parameters, with the definitions that it refers to."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "additionalProperties": False,
        **parameters,
    }
    used = {name for name in DEFINITIONS if f"#/$defs/{name}'" in str(schema)}
    schema["$defs"] = {name: DEFINITIONS[name] for name in sorted(used)}
    Draft202012Validator.check_schema(schema)
    return schema


def check_parameters(
    rule_type: RuleType, parameters: Mapping[str, Any], path: str
) -> Iterator[Problem]:
    """Give everything that is wrong with a rule's parameters; `path` is where they stand."""
    validator = Draft202012Validator(dict(rule_type.parameters))
    for error in validator.iter_errors(parameters):
        where = ".".join([path, *(str(step) for step in error.absolute_path)])
        yield Problem(where, _reason(error))


def find_column_parameter(rule_type: RuleType) -> str | None:
    """Give the parameter that takes the one column a rule of the type is for, if it has it."""
    properties = rule_type.parameters.get("properties", {})
    for name in COLUMN_PARAMETERS:
        if (properties.get(name) or {}).get("$ref") == "#/$defs/column":
            return name
    return None


def find_columns(rule_type: RuleType, parameters: Mapping[str, Any]) -> list[str]:
    """Give the columns of the gate's table that a rule names, as its type's schema has them."""
    return list(dict.fromkeys(_columns(rule_type.parameters, parameters)))


def _columns(schema: Mapping[str, Any], value: Any) -> Iterator[str]:
    if schema.get("$ref") == "#/$defs/column" and value is not None:
        yield value
    for name, of_field in schema.get("properties", {}).items():
        if isinstance(value, Mapping) and name in value and of_field:
            yield from _columns(of_field, value[name])
    if "items" in schema and isinstance(value, list):
        for each in value:
            yield from _columns(schema["items"], each)


def _reason(error: Any) -> str:
    if error.validator == "anyOf" and "description" in error.schema:
        return f"must be {error.schema['description']}"
    if error.validator == "anyOf":
        wanted = " or ".join(repr(choice["required"][0]) for choice in error.validator_value)
        return f"needs {wanted}"
    return str(error.message)
