"""A configuration file is checked whole, and everything wrong with it is said at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatekeeper.configuration.check import check_document
from gatekeeper.configuration.text import parse_document
from gatekeeper.domain.errors import InvalidConfiguration
from gatekeeper.domain.rule import RuleType
from gatekeeper.settings import ROOT

HDU = [f"warehouses.0.connection.{field}" for field in ("host", "database", "user")]
GATE = """
warehouses: [{name: w, connection: {host: h, database: d, user: u}}]
gates:
  - warehouse: w
    table: s.t
    rules:
      - {name: a, type: not_null, parameters: {column: x}}
"""
HDU_OF_GATE = "connection: {host: h, database: d, user: u}"
DUCKDB = 'adapter: duckdb, connection: {{path: /data/w.duckdb, files: "{}"}}'


def problems(text: str, rule_types: dict[str, RuleType]) -> list[str]:
    try:
        document = parse_document(text)
    except InvalidConfiguration as error:
        return [problem.path for problem in error.problems]
    names = {warehouse.name for warehouse in document.warehouses}
    return [problem.path for problem in check_document(document, rule_types, names)]


def test_the_demos_own_file_is_right(rule_types: dict[str, RuleType]) -> None:
    assert problems((ROOT / "demo" / "gates.yml").read_text("utf-8"), rule_types) == []


@pytest.mark.parametrize(
    ("old", "new", "paths"),
    [
        ("", "", []),
        ("host: h, ", "", ["warehouses.0.connection.host"]),
        ("user: u", "user: u, password: hunter2", ["warehouses.0.connection.password"]),
        (
            "user: u",
            "user: u, password: env:STRINGX_DATABASE_URL",
            ["warehouses.0.connection.password"],
        ),
        ("user: u", "user: u, password: file:../x", ["warehouses.0.connection.password"]),
        ("name: w,", "name: w, adapter: oracle,", ["warehouses.0.adapter"]),
        ("name: w,", "name: w, adapter: duckdb,", ["warehouses.0.connection.path", *HDU]),
        (HDU_OF_GATE, DUCKDB.format("/data/parquet"), []),
        (HDU_OF_GATE, DUCKDB.format("data/parquet"), ["warehouses.0.connection.files"]),
        (HDU_OF_GATE, DUCKDB.format("/data/../etc"), ["warehouses.0.connection.files"]),
        (HDU_OF_GATE, DUCKDB.format("/"), ["warehouses.0.connection.files"]),
        (HDU_OF_GATE, DUCKDB.format("env:HOME"), ["warehouses.0.connection.files"]),
        ("warehouse: w", "warehouse: v", ["gates.0.warehouse"]),
        ("table: s.t", "table: t", ["gates.0.table"]),
        ("table: s.t", "table: s.t\n    mode: later", ["gates.0.mode"]),
        ("table: s.t", "table: s.t\n    deadline_seconds: 0", ["gates.0.deadline_seconds"]),
        ("table: s.t", "table: s.t\n    opens_on: [great]", ["gates.0.opens_on.0"]),
        ("table: s.t", "table: s.t\n    colour: red", ["gates.0.colour"]),
        ("table: s.t", "table: s.t\n    opens_on: [error]", ["gates.0.opens_on"]),
        (
            "type: not_null, parameters: {column: x}",
            "type: unique, parameters: {columns: [x]}, error_above: 1%",
            ["gates.0.rules.0.error_above"],
        ),
        ("name: a", "name: A b", ["gates.0.rules.0.name"]),
        ("type: not_null", "type: nul", ["gates.0.rules.0.type"]),
        ("column: x", "colum: x", ["gates.0.rules.0.parameters"] * 2),
        ("parameters:", "severity: bad, parameters:", ["gates.0.rules.0.severity"]),
        ("parameters:", "error_above: 5, warn_above: 1.5%, parameters:", []),
        ("parameters:", "error_above: -1, parameters:", ["gates.0.rules.0.error_above"]),
        ("parameters:", "error_above: 101%, parameters:", ["gates.0.rules.0.error_above"]),
        ("parameters:", "error_above: 1.5, parameters:", ["gates.0.rules.0.error_above"]),
        (
            "parameters:",
            "severity: warn, error_above: 5, parameters:",
            ["gates.0.rules.0.error_above"],
        ),
        ("parameters:", 'enabled: "yes", parameters:', ["gates.0.rules.0.enabled"]),
        ("gates:", "gates: &x", []),
        ("{name: a,", "{name: [", ["(file)"]),
    ],
)
def test_what_is_wrong_is_named_with_its_path(
    rule_types: dict[str, RuleType], old: str, new: str, paths: list[str]
) -> None:
    assert problems(GATE.replace(old, new, 1) if old else GATE, rule_types) == paths


def test_what_looks_like_text_is_text() -> None:
    text = GATE.replace("type: not_null, parameters: {column: x}", "type: t, parameters: {v: V}")
    values = "[NO, on, 010, 12:30, 1_000, 0x1f, 2013-01-01, true, 8, -1.5, 1e3, .5, null]"
    parameters = parse_document(text.replace("V", values)).gates[0].rules[0].parameters
    plain = ["NO", "on", "010", "12:30", "1_000", "0x1f", "2013-01-01"]
    assert parameters["v"] == [*plain, True, 8, -1.5, 1000.0, 0.5, None]
    assert parse_document(GATE.replace("table: s.t", "table: s.t\n    mode: off")).gates[0].mode


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ("{column: x, column: y}", "'column' stands 2 times"),
        ("{column: 1e999}", "finite"),
        ('{column: "\\0"}', "NUL"),
        ('{column: "\\ud800"}', "surrogate"),
        ("{column: " + "9" * 5000 + "}", "not YAML"),
        ("[" * 5000, "not YAML"),
    ],
)
def test_what_can_not_be_stored_is_refused(wrong: str, reason: str) -> None:
    with pytest.raises(InvalidConfiguration, match=reason):
        parse_document(GATE.replace("{column: x}", wrong))


@pytest.mark.parametrize("text", ["[]", "text", "5"])
def test_what_is_no_mapping_is_refused(rule_types: dict[str, RuleType], text: str) -> None:
    assert problems(text, rule_types) == ["(file)"]


def test_everything_is_said_at_once(rule_types: dict[str, RuleType]) -> None:
    text = GATE.replace("warehouse: w", "warehouse: v").replace("not_null", "nul")
    twice = text + "      - {name: a, type: nothing}\n"
    assert problems(twice, rule_types) == [
        "gates.0.warehouse",
        "gates.0.rules",
        "gates.0.rules.0.type",
        "gates.0.rules.1.type",
    ]


def test_dates_stay_as_they_are_written() -> None:
    text = GATE.replace("column: x", "column: x, min: 2013-01-01")
    rule = parse_document(text).gates[0].rules[0]
    assert rule.parameters["min"] == "2013-01-01"


def test_an_empty_file_changes_nothing(tmp_path: Path) -> None:
    document = parse_document("")
    assert (document.warehouses, document.gates) == ([], [])


TEMPLATE = """
templates:
  - name: ids_present
    columns: ["*_id"]
    rule: {type: not_null}
warehouses: [{name: w, connection: {host: h, database: d, user: u}}]
"""


@pytest.mark.parametrize(
    ("old", "new", "paths"),
    [
        ("", "", []),
        ('columns: ["*_id"]', "tables: [nothing.like.it]\n    column_tags: [pii]", []),
        (
            'columns: ["*_id"]\n    rule: {type: not_null}',
            "tags: [core]\n    rule: {type: unique, parameters: {columns: [id]}}",
            [],
        ),
        ("name: ids_present", "name: ids__present", ["templates.0.name"]),
        ("name: ids_present", "name: ids_", ["templates.0.name"]),
        ("name: ids_present", f"name: {'a' * 41}", ["templates.0.name"]),
        ("type: not_null", "type: not_null, name: a", ["templates.0.rule.name"]),
        ("type: not_null", "type: nul", ["templates.0.rule.type"]),
        (
            "type: not_null",
            "type: not_null, parameters: {column: x}",
            ["templates.0.rule.parameters.column"],
        ),
        (
            "type: not_null",
            "type: value_between, parameters: {min: []}",
            ["templates.0.rule.parameters.min"],
        ),
        ("type: not_null", "type: unique", ["templates.0"]),
        ('    columns: ["*_id"]\n', "", ["templates.0.rule.parameters"]),
        ("columns:", "column_tags: [pii]\n    columns:", ["templates.0"]),
        ("columns:", "column_tags: [PII]\n    columns:", ["templates.0.column_tags.0"]),
        ("columns:", "warehouses: [v, w]\n    columns:", ["templates.0.warehouses"]),
    ],
)
def test_what_is_wrong_with_a_template_is_named_with_its_path(
    rule_types: dict[str, RuleType], old: str, new: str, paths: list[str]
) -> None:
    assert problems(TEMPLATE.replace(old, new, 1) if old else TEMPLATE, rule_types) == paths


def test_a_templates_name_is_its_own(rule_types: dict[str, RuleType]) -> None:
    other = "  - {name: ids_present, columns: [id], rule: {type: not_null}}\nwarehouses"
    assert problems(TEMPLATE.replace("warehouses", other, 1), rule_types) == ["templates"]


def test_tags_and_patterns_are_in_no_order_of_their_writers() -> None:
    text = GATE.replace(
        "table: s.t", "table: s.t\n    tags: [b, a, b]\n    column_tags: {y: [b, a], x: [c]}"
    )
    (gate,) = parse_document(text).gates
    assert gate.tags == ["a", "b"]
    assert list(gate.column_tags.items()) == [("x", ["c"]), ("y", ["a", "b"])]


def test_the_page_on_templates_shows_a_file_that_is_right(rule_types: dict[str, RuleType]) -> None:
    page = (ROOT / "docs" / "how-to" / "templates.md").read_text("utf-8")
    shown = page.partition("```yaml\n")[2].partition("```")[0]
    warehouse = "warehouses: [{name: demo, connection: {host: h, database: d, user: u}}]"
    assert problems(shown + warehouse, rule_types) == []
