"""Applying a configuration: read, checked whole, compared, then stored in one transaction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from gatekeeper.catalogue.rule_types import find_columns
from gatekeeper.configuration.changes import Absent, Change, compare, merge
from gatekeeper.configuration.check import check_document, check_watches
from gatekeeper.configuration.document import (
    Document,
    GateDocument,
    RuleDocument,
    TemplateDocument,
)
from gatekeeper.configuration.export import load_placed
from gatekeeper.configuration.templates import PlacedRule, covers, is_lost, place, without_placed
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
from gatekeeper.store.templates import delete_template, save_template

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
        stored = load_placed(tx, rule_types)
        merged = merge(without_placed(stored), wanted, manner.absent)
        placed = place(merged, rule_types, stored)
        known = {warehouse.name for warehouse in merged.warehouses}
        problems = [
            *check_document(wanted, rule_types, known),
            *check_watches(merged),
            *_find_orphans(stored, placed, rule_types),
            *_find_lost(stored, placed, wanted, rule_types),
        ]
        if problems:
            raise InvalidConfiguration(problems)
        changes = compare(stored, placed)
        if changes and not manner.dry_run:
            _save(tx, rule_types, stored, placed, manner.author)
    if not manner.dry_run:
        log.info("configuration applied", action="configuration_applied", changes=len(changes))
    return changes


def _changed_gates(stored: Document, merged: Document) -> list[GateDocument]:
    return [gate for gate in merged.gates if gate not in stored.gates]


def _find_orphans(stored: Document, merged: Document, rule_types: RuleTypes) -> Iterator[Problem]:
    """Give the rules of its own that a changed gate would keep although their type is gone."""
    kept = {(gate.key, rule.name) for gate in stored.gates for rule in gate.rules}
    for gate in _changed_gates(stored, merged):
        for rule in gate.rules:
            if isinstance(rule, PlacedRule) or rule.type in rule_types:
                continue
            if (gate.key, rule.name) in kept:
                path = f"gates.{':'.join(gate.key)}.rules.{rule.name}"
                yield Problem(
                    path, f"its rule type {rule.type!r} is gone; bring it back, or delete the rule"
                )


def _find_lost(
    stored: Document, placed: Document, wanted: Document, rule_types: RuleTypes
) -> Iterator[Problem]:
    """Give the templates that would be kept, for a gate that changes, although they are lost."""
    changed = _changed_gates(stored, placed)
    for template in placed.templates:
        if template in wanted.templates or not is_lost(template, rule_types):
            continue
        if template not in stored.templates or any(covers(template, gate) for gate in changed):
            yield Problem(
                f"templates.{template.name}",
                f"its rule type {template.rule.type!r} is gone, or takes no column any more; "
                "bring it back, or delete the template",
            )


def _save(
    tx: Transaction, rule_types: RuleTypes, stored: Document, merged: Document, author: str
) -> None:
    for warehouse in merged.warehouses:
        connection = warehouse.connection.model_dump(exclude_none=True)
        save_warehouse(tx, Warehouse(warehouse.name, warehouse.adapter, connection, warehouse.pool))
    _save_templates(tx, stored.templates, merged.templates)
    for gate in _changed_gates(stored, merged):
        rules = [build_rule(rule, rule_types[rule.type]) for rule in gate.rules]
        save_gate(
            tx,
            gate.warehouse,
            gate.table,
            gate.description,
            gate.tagged(),
            gate.policy(),
            rules,
            author,
        )
    for key in {gate.key for gate in stored.gates} - {gate.key for gate in merged.gates}:
        retire_gate(tx, *key)
    kept = {warehouse.name for warehouse in merged.warehouses}
    for warehouse in stored.warehouses:
        if warehouse.name not in kept:
            retire_warehouse(tx, warehouse.name)


def _save_templates(
    tx: Transaction, stored: Sequence[TemplateDocument], merged: Sequence[TemplateDocument]
) -> None:
    for template in merged:
        save_template(tx, template.name, template.model_dump(mode="json", exclude={"name"}))
    for name in {each.name for each in stored} - {each.name for each in merged}:
        delete_template(tx, name)


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
        **_of_template(document),
    )


def _of_template(document: RuleDocument) -> dict[str, Any]:
    if not isinstance(document, PlacedRule):
        return {}
    return {"template": document.template, "for_columns": tuple(document.for_columns)}
