"""Applying a configuration: all of it or nothing."""

from __future__ import annotations

import pytest

from gatekeeper.configuration.apply import apply_configuration
from gatekeeper.domain.errors import InvalidConfiguration
from gatekeeper.domain.gate import Gate, Mode
from gatekeeper.domain.rule import Dimension, Kind, RuleType, Severity
from gatekeeper.domain.verdict import Verdict
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
