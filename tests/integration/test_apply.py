"""Applying a configuration: all of it or nothing."""

from __future__ import annotations

import pytest

from gatekeeper.configuration.apply import Manner, apply_configuration
from gatekeeper.configuration.changes import Absent
from gatekeeper.configuration.export import load_document
from gatekeeper.configuration.text import render_document
from gatekeeper.domain.errors import InvalidConfiguration, UnknownGate
from gatekeeper.domain.gate import Gate, Mode
from gatekeeper.domain.rule import Dimension, Kind, RuleType, Severity
from gatekeeper.domain.verdict import Verdict
from gatekeeper.settings import ROOT
from gatekeeper.store.engine import Store
from gatekeeper.store.gates import find_gate, load_gates, load_warehouse
from tests.integration.test_recovery import sql

FILE = """
warehouses:
  - name: w
    connection: {host: h, database: d, user: u, password: env:STRINGX_WAREHOUSE_W_PASSWORD}
gates:
  - warehouse: w
    table: s.t
    mode: inline
    opens_on: [pass]
    deadline_seconds: 5
    rules:
      - {name: a, type: not_null, parameters: {column: x}}
      - name: b
        type: expression
        parameters: {expression: x > 0}
        kind: business
        dimension: accuracy
        severity: warn
"""


def gate(store: Store) -> Gate:
    with store.transaction() as tx:
        return find_gate(tx, "s.t", "w")


def test_a_file_becomes_gates_and_rules(store: Store, rule_types: dict[str, RuleType]) -> None:
    apply_configuration(store, rule_types, FILE)
    applied = gate(store)
    assert applied.policy.mode is Mode.INLINE
    assert applied.policy.opens_on == {Verdict.PASS}
    assert applied.policy.deadline_seconds == 5
    plain, business = applied.rule_set.rules
    assert (plain.dimension, plain.severity) == (Dimension.COMPLETENESS, Severity.ERROR)
    assert (business.kind, business.dimension) == (Kind.BUSINESS, Dimension.ACCURACY)
    with store.transaction() as tx:
        connection = load_warehouse(tx, "w").connection
    assert connection["password"] == "env:STRINGX_WAREHOUSE_W_PASSWORD"


def test_applying_again_changes_nothing(store: Store, rule_types: dict[str, RuleType]) -> None:
    apply_configuration(store, rule_types, FILE)
    before = gate(store)
    apply_configuration(store, rule_types, FILE)
    assert gate(store) == before
    assert sql(store, "select count(*) from rule_sets") == [(1,)]


def test_another_set_of_rules_leaves_the_earlier_one_on_record(
    store: Store, rule_types: dict[str, RuleType]
) -> None:
    apply_configuration(store, rule_types, FILE)
    before = gate(store)
    apply_configuration(store, rule_types, FILE.replace("x > 0", "x > 1"))
    after = gate(store)
    assert after.id == before.id
    kept = {hash_ for (hash_,) in sql(store, "select hash from rule_sets")}
    assert kept == {before.rule_set.hash, after.rule_set.hash}


def test_one_problem_refuses_it_all(store: Store, rule_types: dict[str, RuleType]) -> None:
    bad = FILE + "  - {warehouse: nowhere, table: s.u, rules: []}\n"
    with pytest.raises(InvalidConfiguration, match="nowhere"):
        apply_configuration(store, rule_types, bad)
    with store.transaction() as tx:
        assert load_gates(tx) == []


def test_a_gate_may_name_a_warehouse_that_is_stored_already(
    store: Store, rule_types: dict[str, RuleType]
) -> None:
    apply_configuration(store, rule_types, FILE)
    apply_configuration(store, rule_types, "gates: [{warehouse: w, table: s.u, rules: []}]")
    with store.transaction() as tx:
        assert [each.table for each in load_gates(tx)] == ["s.t", "s.u"]


@pytest.mark.parametrize(
    ("absent", "rules", "gates"),
    [
        (Absent.KEEP, {"a": True, "b": True}, {"s.t": "inline", "s.u": "async"}),
        (Absent.DISABLE, {"a": True, "b": False}, {"s.t": "inline", "s.u": "off"}),
        (Absent.DELETE, {"a": True}, {"s.t": "inline"}),
    ],
)
def test_what_a_file_does_not_name_is_kept_disabled_or_deleted(
    store: Store,
    rule_types: dict[str, RuleType],
    absent: Absent,
    rules: dict[str, bool],
    gates: dict[str, str],
) -> None:
    more = FILE + "  - {warehouse: w, table: s.u, rules: []}\n"
    apply_configuration(store, rule_types, more)
    shorter = FILE[: FILE.index("      - name: b")]
    rehearsed = apply_configuration(store, rule_types, shorter, Manner(absent, dry_run=True))
    assert rehearsed == apply_configuration(store, rule_types, shorter, Manner(absent))
    assert apply_configuration(store, rule_types, shorter, Manner(absent)) == []
    assert {rule.name: rule.enabled for rule in gate(store).rule_set.rules} == rules
    with store.transaction() as tx:
        assert {each.table: each.policy.mode.value for each in load_gates(tx)} == gates


def test_a_deleted_gate_comes_back_with_its_history(
    store: Store, rule_types: dict[str, RuleType]
) -> None:
    apply_configuration(store, rule_types, FILE)
    before = gate(store)
    apply_configuration(store, rule_types, "", Manner(Absent.DELETE))
    with store.transaction() as tx, pytest.raises(UnknownGate):
        find_gate(tx, "s.t")
    with store.transaction() as tx:
        assert render_document(load_document(tx, rule_types)) == "{}\n"
    apply_configuration(store, rule_types, FILE)
    assert gate(store) == before


def test_what_is_exported_applies_to_the_same_bytes(
    store: Store, rule_types: dict[str, RuleType]
) -> None:
    apply_configuration(store, rule_types, (ROOT / "demo" / "gates.yml").read_text("utf-8"))
    with store.transaction() as tx:
        exported = render_document(load_document(tx, rule_types))
    assert apply_configuration(store, rule_types, exported, Manner(Absent.DELETE)) == []
    apply_configuration(store, rule_types, "", Manner(Absent.DELETE))
    apply_configuration(store, rule_types, exported)
    with store.transaction() as tx:
        assert render_document(load_document(tx, rule_types)) == exported


def test_a_rule_whose_type_is_gone_is_only_in_its_own_gates_way(
    store: Store, rule_types: dict[str, RuleType]
) -> None:
    apply_configuration(store, rule_types, FILE)
    left = {name: each for name, each in rule_types.items() if name != "expression"}
    other = "gates: [{warehouse: w, table: s.u, rules: []}]"
    assert apply_configuration(store, left, other)
    changed = FILE.replace("deadline_seconds: 5", "deadline_seconds: 6").partition("      - name")[
        0
    ]
    with pytest.raises(
        InvalidConfiguration, match=r"gates\.w:s\.t\.rules\.b: .*'expression' is gone"
    ):
        apply_configuration(store, left, changed)
    assert apply_configuration(store, left, changed, Manner(Absent.DELETE))
    assert [rule.name for rule in gate(store).rule_set.rules] == ["a"]


@pytest.mark.parametrize("number", ["10000000000000000.0", "-0.0", "1e-05", "1e300", "0.1"])
def test_a_number_that_the_store_writes_otherwise_keeps_its_rule_set(
    store: Store, rule_types: dict[str, RuleType], number: str
) -> None:
    rule = f"{{name: n, type: value_between, parameters: {{column: x, max: {number}}}}}"
    apply_configuration(store, rule_types, FILE + f"      - {rule}\n")
    kept = {hash_ for (hash_,) in sql(store, "select hash from rule_sets")}
    assert gate(store).rule_set.hash in kept
