"""The catalogue as dbt's own docs tell it: the description of each rule type's generic test."""

from __future__ import annotations

from collections.abc import Mapping

import yaml

from gatekeeper.domain.rule import RuleType

HEAD = "# Made from the files of rule_types/ by `make docs`; a test keeps it current.\n"


def render_properties(rule_types: Mapping[str, RuleType]) -> str:
    """Give a properties file of dbt's, with a line of documentation for each rule type."""
    macros = [
        {"name": f"test_sx_{each.name}", "description": _describe(each)}
        for each in rule_types.values()
    ]
    content = {"version": 2, "macros": macros}
    return HEAD + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=90)


def _describe(rule_type: RuleType) -> str:
    parameters = ", ".join(rule_type.parameters.get("properties", {})) or "none"
    return (
        f"{rule_type.description.strip()} Dimension {rule_type.dimension}, entity "
        f"{rule_type.entity}, shape {rule_type.shape}; parameters: {parameters}."
    )
