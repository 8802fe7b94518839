"""The stored configuration as a document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from pydantic import TypeAdapter

from gatekeeper.configuration.document import (
    DbtProjectDocument,
    Document,
    GateDocument,
    RuleDocument,
    SamplesDocument,
    TemplateDocument,
    WarehouseDocument,
    WatchDocument,
)
from gatekeeper.configuration.templates import PlacedRule, without_placed
from gatekeeper.domain.gate import Gate
from gatekeeper.domain.rule import Rule, RuleType
from gatekeeper.store.engine import Transaction
from gatekeeper.store.gates import load_gates, load_warehouses
from gatekeeper.store.templates import load_templates

_WAREHOUSE: TypeAdapter[WarehouseDocument] = TypeAdapter(WarehouseDocument)


def load_document(tx: Transaction, rule_types: Mapping[str, RuleType]) -> Document:
    """Load every warehouse, template, gate and rule, as they would be written."""
    return without_placed(load_placed(tx, rule_types))


def load_placed(tx: Transaction, rule_types: Mapping[str, RuleType]) -> Document:
    """Load all of it, with the rules that templates put on gates."""
    warehouses = [
        _WAREHOUSE.validate_python(
            {
                "name": each.name,
                "pool": each.pool,
                "adapter": each.adapter,
                "connection": dict(each.connection),
            }
        )
        for each in load_warehouses(tx)
    ]
    gates = [_gate_document(gate, rule_types) for gate in load_gates(tx)]
    templates = [
        TemplateDocument.model_validate({"name": name, **content}, strict=False)
        for name, content in load_templates(tx).items()
    ]
    return Document(warehouses=warehouses, templates=templates, gates=gates).sorted()


def _gate_document(gate: Gate, rule_types: Mapping[str, RuleType]) -> GateDocument:
    return GateDocument(
        warehouse=gate.warehouse,
        table=gate.table,
        description=gate.description,
        tags=list(gate.tags.gate),
        column_tags={column: list(tags) for column, tags in gate.tags.columns.items()},
        mode=gate.policy.mode,
        opens_on=sorted(gate.policy.opens_on),
        on_no_data=gate.policy.on_no_data,
        deadline_seconds=gate.policy.deadline_seconds,
        incremental=gate.policy.incremental,
        dbt_project=_dbt_project_document(gate),
        watch=WatchDocument(**asdict(gate.policy.watch)) if gate.policy.watch else None,
        cron=gate.policy.cron,
        pool=gate.policy.pool,
        samples=SamplesDocument.model_validate(asdict(gate.policy.samples), strict=False),
        rules=[rule_document(rule, rule_types) for rule in gate.rule_set.rules],
    )


def _dbt_project_document(gate: Gate) -> DbtProjectDocument | None:
    project = gate.policy.dbt_project
    if project is None:
        return None
    by_default = project.target_schema == gate.table.split(".", 1)[0]
    schema = None if by_default else project.target_schema
    return DbtProjectDocument(folder=project.folder, select=project.select, target_schema=schema)


def rule_document(rule: Rule, rule_types: Mapping[str, RuleType]) -> RuleDocument:
    """Give a rule as it would be written; what its rule type says anyway is left out."""
    by_default = rule_types[rule.type].dimension if rule.type in rule_types else None
    document = RuleDocument(
        name=rule.name,
        type=rule.type,
        parameters=dict(rule.parameters),
        kind=rule.kind,
        dimension=None if rule.dimension is by_default else rule.dimension,
        severity=rule.severity,
        warn_above=rule.warn_above,
        error_above=rule.error_above,
        enabled=rule.enabled,
        description=rule.description,
        owner=rule.owner,
    )
    if not rule.template:
        return document
    return PlacedRule(**dict(document), template=rule.template, for_columns=list(rule.for_columns))
