"""Rendering a gate's rules as a small, ordinary dbt project.

Nothing a user wrote reaches its YAML: a test names its rule type and its rule, both held to a safe
alphabet; everything else travels as data in --vars and becomes SQL in stringx/'s macros.
"""

from __future__ import annotations

import math
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from runner.trusted import render_trusted

TEMPLATE = Path(__file__).parent / "project_template"
PROFILES = Path(__file__).parent / "profiles"
DBT_PROJECT = Path(__file__).parent.parent / "stringx"

ROWS_TESTED = "sx_rows_tested"
CHECK_PREFIX = "check_"

_SAFE = re.compile(r"[a-z][a-z0-9_]{0,62}")


def build_vars(order: Mapping[str, Any]) -> dict[str, Any]:
    """The data that the project's macros read: the table, the rules' parameters, the batch."""
    return {
        "sx_table": order["table"],
        "sx_rules": {rule["name"]: rule["parameters"] for rule in order["rules"]},
        "sx_batch": order["batch"],
        "sx_statement_timeout_ms": int(order["deadline_seconds"] * 1000),
    }


def render_vars(variables: Mapping[str, Any]) -> str:
    """Write them as dbt reads --vars: as YAML, which takes some JSON for something else (1e-05 for
    text, a character beyond the first 65,536 for two halves).
    """
    return yaml.safe_dump(variables, allow_unicode=True, default_flow_style=True, width=math.inf)


def render_project(order: Mapping[str, Any], directory: Path) -> None:
    """Write the project of an order's gate to a new directory.

    Its vars is for running it by hand: the same data, without the batch.
    """
    shutil.copytree(TEMPLATE, directory)
    shutil.copy(PROFILES / f"{_safe(order['adapter'])}.yml", directory / "profiles.yml")
    project = Path(order["dbt_project"])
    for macros in ("macros", "rule_types"):
        (directory / macros).symlink_to(project / macros)
    tests = _name_tests(order["rules"], project, directory)
    (directory / "models").mkdir()
    (directory / "models" / "gate.yml").write_text(yaml.safe_dump(_build_source(order, tests)))
    variables = build_vars({**order, "batch": None})
    (directory / "vars").write_text(render_vars(variables))


def _name_tests(
    rules: Sequence[Mapping[str, Any]], project: Path, directory: Path
) -> dict[str, str]:
    """Give the dbt test of each rule type: ours, or one that is rendered for trusted code."""
    types = {str(rule["type"]) for rule in rules}
    ours = find_own_types(project)
    tests = {name: f"sx_{_safe(name)}" for name in types & ours}
    return tests | render_trusted(types - ours, project, directory)


def find_own_types(project: Path) -> set[str]:
    """Give the rule types of a dbt project whose tests StringX wrote; any other is trusted code."""
    return {path.stem for path in (project / "rule_types").glob("*.sql")}


def _build_source(order: Mapping[str, Any], named: Mapping[str, str]) -> dict[str, Any]:
    tests: list[dict[str, Any]] = [{ROWS_TESTED: {"name": ROWS_TESTED}}]
    tests += [_build_test(rule, named[rule["type"]]) for rule in order["rules"]]
    table = {"name": "subject", "data_tests": tests}
    return {"version": 2, "sources": [{"name": "gate", "tables": [table]}]}


def _build_test(rule: Mapping[str, Any], test: str) -> dict[str, Any]:
    name, severity = (_safe(str(rule[field])) for field in ("name", "severity"))
    return {
        test: {
            "name": CHECK_PREFIX + name,
            "arguments": {"rule_id": name},
            "config": {"severity": severity},
        }
    }


def _safe(word: str) -> str:
    if not _SAFE.fullmatch(word):
        raise ValueError(f"{word!r} may not stand in a dbt project")
    return word
