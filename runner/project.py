"""Rendering a gate's rules as a small, ordinary dbt project.

Nothing a user wrote reaches its YAML: a test names its rule type and its rule, both held to a safe
alphabet; everything else travels as data in --vars and becomes SQL in stringx/'s macros.
"""

from __future__ import annotations

import math
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

TEMPLATE = Path(__file__).parent / "project_template"
PROFILES = Path(__file__).parent / "profiles"
MACROS = Path(__file__).parent.parent / "stringx"

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
    for macros in ("macros", "rule_types"):
        (directory / macros).symlink_to(MACROS / macros)
    (directory / "models").mkdir()
    (directory / "models" / "gate.yml").write_text(yaml.safe_dump(_build_source(order)))
    variables = build_vars({**order, "batch": None})
    (directory / "vars").write_text(render_vars(variables))


def _build_source(order: Mapping[str, Any]) -> dict[str, Any]:
    tests: list[dict[str, Any]] = [{ROWS_TESTED: {"name": ROWS_TESTED}}]
    tests += [_build_test(rule) for rule in order["rules"]]
    table = {"name": "subject", "data_tests": tests}
    return {"version": 2, "sources": [{"name": "gate", "tables": [table]}]}


def _build_test(rule: Mapping[str, Any]) -> dict[str, Any]:
    name, rule_type, severity = (_safe(str(rule[field])) for field in ("name", "type", "severity"))
    return {
        f"sx_{rule_type}": {
            "name": CHECK_PREFIX + name,
            "arguments": {"rule_id": name},
            "config": {"severity": severity},
        }
    }


def _safe(word: str) -> str:
    if not _SAFE.fullmatch(word):
        raise ValueError(f"{word!r} may not stand in a dbt project")
    return word
