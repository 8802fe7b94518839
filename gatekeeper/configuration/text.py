"""A configuration as YAML text, and back: what is rendered reads as what it was rendered from."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from gatekeeper.configuration.document import ADAPTERS, Document, storable
from gatekeeper.domain.errors import InvalidConfiguration, Problem


class _CoreLoader(yaml.SafeLoader):
    """Reads YAML 1.2's core schema: what looks like text is text. In 1.1, which the library reads,
    NO is false, 010 is 8, 12:30 is 750, and the second of two equal keys hides the first.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002
        """Build a mapping; raises where a key stands twice."""
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key, count in Counter(map(str, keys)).items():
            if count > 1:
                raise yaml.YAMLError(f"{key!r} stands {count} times, {node.start_mark}")
        return super().construct_mapping(node, deep)


_CoreLoader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("bool", r"^(true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("int", r"^[-+]?(0|[1-9][0-9]*)$", "-+0123456789"),
    (
        "float",
        r"^[-+]?([0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))([eE][-+]?[0-9]+)?$",
        "-+.0123456789",
    ),
    ("null", r"^(~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("merge", r"^<<$", "<"),
):
    _CoreLoader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), list(_first)
    )


def parse_document(text: str) -> Document:
    """Read the YAML; raises InvalidConfiguration."""
    try:
        content = yaml.load(text, _CoreLoader)  # noqa: S506 - a safe one
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise InvalidConfiguration([Problem("(file)", f"not YAML: {error}")]) from None
    if problems := list(check_storable(content, "")):
        raise InvalidConfiguration(problems)
    try:
        return Document.model_validate({} if content is None else content)
    except ValidationError as error:
        raise InvalidConfiguration([_problem(each) for each in error.errors()]) from None


def check_storable(content: Any, path: str) -> Iterator[Problem]:
    """Give what PostgreSQL can't hold, wherever it stands."""
    if isinstance(content, dict):
        for key, value in content.items():
            yield from check_storable(key, path)
            yield from check_storable(value, f"{path}.{key}".lstrip("."))
    elif isinstance(content, list):
        for number, value in enumerate(content):
            yield from check_storable(value, f"{path}.{number}".lstrip("."))
    elif isinstance(content, float) and not math.isfinite(content):
        yield Problem(path, "must be a finite number")
    elif isinstance(content, str):
        try:
            storable(content)
        except ValueError as error:
            yield Problem(path, str(error))


def render_document(document: Document) -> str:
    """Write the YAML: without what is the default anyway, in an order of its own."""
    content = document.sorted().model_dump(mode="json", exclude_defaults=True)
    # Without anchors: the same text twice is written twice.
    dumper = type("Plain", (yaml.SafeDumper,), {"ignore_aliases": lambda *_: True})
    return yaml.dump(content, Dumper=dumper, sort_keys=False, allow_unicode=True, width=100)


def _problem(error: ErrorDetails) -> Problem:
    """Say where and what, without the names that pydantic gives to the forms of a warehouse."""
    path = ".".join(str(step) for step in error["loc"] if step not in ADAPTERS) or "(file)"
    if error["type"] == "union_tag_invalid":
        known = " or ".join(ADAPTERS)
        return Problem(f"{path}.adapter", f"{error['ctx']['tag']!r} is none; it is {known}")
    return Problem(path, error["msg"])
