"""What dbt itself writes into a manifest is what the import reads."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gatekeeper.configuration.check import check_document
from gatekeeper.configuration.imports.dbt_manifest import import_manifest
from gatekeeper.domain.rule import RuleType

PROJECT = {
    "dbt_project.yml": "{name: elsewhere, version: '1.0', config-version: 2, profile: p}",
    "profiles.yml": "p: {target: t, outputs: {t: {type: duckdb, path: w.duckdb, schema: shop}}}",
    "models/orders.sql": "select * from {{ source('raw', 'orders') }}",
    "models/soft.sql": "{{ config(materialized='ephemeral') }} select 1 as id",
    "tests/no_ghosts.sql": "select * from {{ ref('orders') }} where id = 0",
    "macros/even.sql": "{% test even(model, column_name) %} select 1 where false {% endtest %}",
    "models/tests.yml": """
sources:
  - name: raw
    schema: landing
    tables:
      - name: orders
        identifier: orders_v1
        columns:
          - name: Id
            quote: true
            data_tests:
              - unique
              - not_null: {config: {severity: warn, warn_if: ">= 3"}}
models:
  - name: soft
    columns:
      - {name: id, data_tests: [not_null]}
  - name: orders
    columns:
      - name: id
        data_tests:
          - not_null:
              description: Every order is known.
              config: {error_if: "> 10", meta: {dimension: accuracy, kind: business}}
          - unique: {config: {where: "id > 3"}}
          - unique: {name: switched_off, config: {enabled: false}}
          - relationships: {arguments: {to: "source('raw', 'orders')", field: '"Id"'}}
          - accepted_values: {arguments: {values: [1, 2], quote: false}}
          - even
      - name: status
        data_tests:
          - accepted_values: {arguments: {values: [paid, sent]}}
""",
}


ON_SOURCE = {
    "not_null_id": {
        "type": "not_null",
        "parameters": {"column": "Id"},
        "severity": "warn",
        "warn_above": "2",
    },
    "unique_id": {"type": "unique", "parameters": {"columns": ["Id"]}},
}

ON_MODEL = {
    "accepted_values_id": {
        "type": "accepted_values",
        "parameters": {"column": "id", "values": [1, 2]},
    },
    "accepted_values_status": {
        "type": "accepted_values",
        "parameters": {"column": "status", "values": ["paid", "sent"]},
    },
    "not_null_id": {
        "type": "not_null",
        "parameters": {"column": "id"},
        "kind": "business",
        "dimension": "accuracy",
        "error_above": "10",
        "description": "Every order is known.",
    },
    "relationships_id": {
        "type": "relationships",
        "parameters": {"column": "id", "to": "landing.orders_v1", "field": "Id"},
    },
}


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The manifest that dbt makes of a small project."""
    project = tmp_path_factory.mktemp("elsewhere")
    for name, text in PROJECT.items():
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text(text, "utf-8")
    dbt = Path(sys.executable).with_name("dbt")
    done = subprocess.run(
        [dbt, "--no-send-anonymous-usage-stats", "parse", "--profiles-dir", "."],
        cwd=project,
        env={**os.environ, "HOME": str(project)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads((project / "target" / "manifest.json").read_text("utf-8"))


def test_a_projects_tests_become_gates(manifest: Any, rule_types: dict[str, RuleType]) -> None:
    document = import_manifest(manifest, "w").document.sorted()
    assert list(check_document(document, rule_types, ["w"])) == []
    dumped = document.model_dump(mode="json", exclude_defaults=True)["gates"]
    source, model = ({rule.pop("name"): rule for rule in gate.pop("rules")} for gate in dumped)
    assert [gate["table"] for gate in dumped] == ["landing.orders_v1", "shop.orders"]
    assert (source, model) == (ON_SOURCE, ON_MODEL)


def test_what_has_no_counterpart_is_said(manifest: Any) -> None:
    said = {each.what: each.why for each in import_manifest(manifest, "w").unmapped}
    reasons = {what.split(".")[2]: why.partition(";")[0] for what, why in said.items()}
    assert reasons == {
        "even_orders_id": "no rule type means the same as elsewhere.even",
        "no_ghosts": "it is SQL of its own, not a generic test",
        "not_null_soft_id": "model.elsewhere.soft is no table or view",
        "unique_orders_id": "its where bounds the rows",
    }
