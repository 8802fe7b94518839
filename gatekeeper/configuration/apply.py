"""Applying a configuration: read, checked whole, compared, then stored in one transaction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import structlog

from gatekeeper.catalogue.rule_types import find_columns
from gatekeeper.configuration.changes import Absent, Change, compare, merge
from gatekeeper.configuration.check import check_document
from gatekeeper.configuration.document import Document, GateDocument, RuleDocument
from gatekeeper.configuration.export import load_document
from gatekeeper.configuration.text import parse_document
from gatekeeper.domain.errors import InvalidConfiguration, Problem
from gatekeeper.domain.gate import Warehouse
from gatekeeper.domain.rule import Rule, RuleType
from gatekeeper.store.engine import Store, Transaction
from gatekeeper.store.gates import (
    lock_configuration,
    retire_gate,
    retire_warehouse,
    save_gate,
    save_warehouse,
)

log = structlog.get_logger(__name__)

RuleTypes = Mapping[str, RuleType]


@dataclass(frozen=True)
class Manner:
    """How to apply: what becomes of what the file doesn't name, who does it, or only rehearsed."""

    absent: Absent = Absent.KEEP
    author: str = ""
    dry_run: bool = False


def apply_configuration(
    store: Store, rule_types: RuleTypes, text: str, manner: Manner | None = None
) -> list[Change]:
    """Store what the file says, all or nothing; gives what was, or would be, changed.

    Raises InvalidConfiguration with all its problems; then nothing was changed.
    """
    manner = manner or Manner()
    wanted = parse_document(text)
    with store.transaction() as tx:
        lock_configuration(tx)
        stored = load_document(tx, rule_types)
        merged = merge(stored, wanted, manner.absent)
        known = {warehouse.name for warehouse in merged.warehouses}
        problems = [
            *check_document(wanted, rule_types, known),
            *_find_orphans(stored, merged, rule_types),
        ]
        if problems:
            raise InvalidConfiguration(problems)
        changes = compare(stored, merged)
        if changes and not manner.dry_run:
            _save(tx, rule_types, stored, merged, manner.author)
    if not manner.dry_run:
        log.info("configuration applied", action="configuration_applied", changes=len(changes))
    return changes


def _changed_gates(stored: Document, merged: Document) -> list[GateDocument]:
    return [gate for gate in merged.gates if gate not in stored.gates]


def _find_orphans(stored: Document, merged: Document, rule_types: RuleTypes) -> Iterator[Problem]:
    """Give the rules that a changed gate would keep although their type is gone."""
    kept = {(gate.key, rule.name) for gate in stored.gates for rule in gate.rules}
    for gate in _changed_gates(stored, merged):
        for rule in gate.rules:
            if rule.type not in rule_types and (gate.key, rule.name) in kept:
                path = f"gates.{':'.join(gate.key)}.rules.{rule.name}"
                yield Problem(
                    path, f"its rule type {rule.type!r} is gone; bring it back, or delete the rule"
                )


def _save(
    tx: Transaction, rule_types: RuleTypes, stored: Document, merged: Document, author: str
) -> None:
    for warehouse in merged.warehouses:
        connection = warehouse.connection.model_dump(exclude_none=True)
        save_warehouse(tx, Warehouse(warehouse.name, warehouse.adapter, connection))
    for gate in _changed_gates(stored, merged):
        rules = [build_rule(rule, rule_types[rule.type]) for rule in gate.rules]
        save_gate(tx, gate.warehouse, gate.table, gate.description, gate.policy(), rules, author)
    for key in {gate.key for gate in stored.gates} - {gate.key for gate in merged.gates}:
        retire_gate(tx, *key)
    kept = {warehouse.name for warehouse in merged.warehouses}
    for warehouse in stored.warehouses:
        if warehouse.name not in kept:
            retire_warehouse(tx, warehouse.name)


def build_rule(document: RuleDocument, rule_type: RuleType) -> Rule:
    """Fill in from the rule type what the rule leaves out."""
    return Rule(
        name=document.name,
        type=document.type,
        parameters=document.parameters,
        kind=document.kind,
        dimension=document.dimension or rule_type.dimension,
        entity=rule_type.entity,
        severity=document.severity,
        warn_above=document.warn_above,
        error_above=document.error_above,
        enabled=document.enabled,
        description=document.description,
        owner=document.owner,
        columns=tuple(find_columns(rule_type, document.parameters)),
    )
