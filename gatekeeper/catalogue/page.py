"""The catalogue as a page of the docs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from gatekeeper.domain.rule import Dimension, RuleType

HEAD = """# Rule types

Made from the files of `stringx/rule_types/` by `make docs`; a test keeps it current. A rule names
its type and gives its parameters: see [how to write a rule](how-to/write-a-rule.md).

| rule type | dimension | entity | shape | parameters |
|---|---|---|---|---|
"""


def render_page(rule_types: Mapping[str, RuleType]) -> str:
    """Give the page in Markdown: a table of all types, then each with its words and an example."""
    ordered = sorted(
        rule_types.values(), key=lambda each: (list(Dimension).index(each.dimension), each.name)
    )
    rows = "".join(_row(each) for each in ordered)
    return HEAD + rows + "".join(_section(each) for each in ordered)


def _row(rule_type: RuleType) -> str:
    parameters = ", ".join(_parameters(rule_type))
    link = f"[{rule_type.name}](#{rule_type.name})"
    about = f"{rule_type.dimension} | {rule_type.entity} | {rule_type.shape}"
    return f"| {link} | {about} | {parameters} |\n"


def _parameters(rule_type: RuleType) -> Iterator[str]:
    """Give the parameters' names; those that may be left out in brackets."""
    required = rule_type.parameters.get("required", [])
    for name in rule_type.parameters.get("properties", {}):
        yield f"`{name}`" if name in required else f"[`{name}`]"


def _section(rule_type: RuleType) -> str:
    example: dict[str, Any] = {"type": rule_type.name, "parameters": dict(rule_type.example)}
    written = yaml.safe_dump(example, sort_keys=False, allow_unicode=True, width=90)
    return f"\n## {rule_type.name}\n\n{rule_type.description.strip()}\n\n```yaml\n{written}```\n"
