"""The pages of docs/contracts: schemas are those of the code, examples hold to both."""

from __future__ import annotations

import json
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from gatekeeper.domain.batch import Range, Values, render_batch
from gatekeeper.domain.errors import InvalidRequest
from gatekeeper.kafka.wire import read_record
from gatekeeper.kafka.wire.schemas import render_schemas
from gatekeeper.settings import ROOT

CONTRACTS = ROOT / "docs" / "contracts"
EXAMPLES = sorted((CONTRACTS / "examples").glob("*.json"))
INCOMING = [path for path in EXAMPLES if path.stem != "result"]
README = (CONTRACTS / "README.md").read_text("utf-8")


def load(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return content


def each(paths: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("path", paths, ids=lambda path: path.stem)


@pytest.mark.parametrize("name", render_schemas())
def test_the_schemas_are_those_of_the_code(name: str) -> None:
    assert (CONTRACTS / name).read_text("utf-8") == render_schemas()[name], "make docs"


def test_no_other_schema_is_told() -> None:
    stored = {path.name for path in CONTRACTS.iterdir() if path.suffix in (".json", ".avsc")}
    assert stored == set(render_schemas())


@each(sorted(CONTRACTS.glob("*.schema.json")))
def test_a_schema_is_one(path: Path) -> None:
    Draft202012Validator.check_schema(load(path))


@each(EXAMPLES)
def test_an_example_holds_to_its_schema(path: Path) -> None:
    example = load(path)
    schema = Draft202012Validator(load(CONTRACTS / f"{example['schema']}.schema.json"))
    is_refused = "refused" in example and "beyond_the_schema" not in example
    assert schema.is_valid(example["value"]) is not is_refused


@each(INCOMING)
def test_an_example_is_read_as_it_says(path: Path) -> None:
    example = load(path)
    headers = [(name, text.encode()) for name, text in example.get("headers", {}).items()]
    value = json.dumps(example["value"]).encode()
    try:
        found = read_record(value, None, headers)
    except InvalidRequest as refused:
        told = {"field": refused.field, "reason": refused.reason}
        assert told == example.get("refused")
    else:
        assert {type(found).__name__: shown(found)} == example.get("gives")


def shown(found: Any) -> Any:
    """What was read, without what isn't there."""
    if isinstance(found, Range | Values):
        return render_batch(found)
    if isinstance(found, tuple):
        return list(found)
    if is_dataclass(found) and not isinstance(found, type):
        parts = {name: shown(getattr(found, name)) for name in found.__dataclass_fields__}
        return {name: part for name, part in parts.items() if part is not None}
    return found


@each(EXAMPLES)
def test_the_readme_names_every_example(path: Path) -> None:
    assert f"(examples/{path.name})" in README
