"""Gates with their rules and warehouses: the configuration side of the store."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

from sqlalchemy import ColumnElement, Row, Select, case, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from gatekeeper.domain.errors import AmbiguousGate, UnknownGate
from gatekeeper.domain.fleet import DEFAULT_POOL
from gatekeeper.domain.gate import DbtProject, Gate, Mode, Policy, StoredRuleSet, Tags, Warehouse
from gatekeeper.domain.rule import Rule, RuleSet, build_rule_set, parse_rule, render_rule
from gatekeeper.domain.samples import parse_sample_policy
from gatekeeper.domain.verdict import OnNoData, Verdict
from gatekeeper.domain.watch import Watch
from gatekeeper.store.engine import Transaction
from gatekeeper.store.tables import gates, rule_sets, rules, warehouses

# Any number does, as long as nothing else in the store takes an advisory lock of the same.
CONFIGURATION_LOCK = 7_346_292

RULE_COLUMNS = (
    rules.c.name,
    rules.c.type,
    rules.c.parameters,
    rules.c.kind,
    rules.c.dimension,
    rules.c.entity,
    rules.c.severity,
    rules.c.warn_above,
    rules.c.error_above,
    rules.c.enabled,
    rules.c.description,
    rules.c.owner,
    rules.c.columns,
    rules.c.template,
    rules.c.for_columns,
)


def find_gate(tx: Transaction, table: str, warehouse: str | None = None) -> Gate:
    """Load the gate of that name, in that warehouse where one is named.

    Raises UnknownGate, or AmbiguousGate where the name alone doesn't tell.
    """
    wanted = [gates.c.table_name == table, gates.c.retired_at.is_(None)]
    if warehouse is not None:
        wanted.append(warehouses.c.name == warehouse)
    found = tx.execute(_select_gates(*wanted)).all()
    if not found:
        raise UnknownGate(table if warehouse is None else f"{warehouse}:{table}")
    if len(found) > 1:
        raise AmbiguousGate(table, [row.warehouse for row in found])
    return _gate(tx, found[0])


def load_gate(tx: Transaction, gate_id: int) -> Gate:
    """Load a gate that is known to be there."""
    return _gate(tx, tx.execute(_select_gates(gates.c.id == gate_id)).one())


def load_gates(tx: Transaction) -> list[Gate]:
    """Load every gate, by warehouse and name."""
    return [_gate(tx, row) for row in tx.execute(_select_gates(gates.c.retired_at.is_(None))).all()]


def load_warehouse(tx: Transaction, name: str) -> Warehouse:
    """Load a warehouse that is known to be there."""
    row = tx.execute(select(warehouses).where(warehouses.c.name == name)).one()
    return _warehouse(row)


def load_warehouses(tx: Transaction) -> list[Warehouse]:
    """Load every warehouse."""
    rows = tx.execute(select(warehouses).where(warehouses.c.retired_at.is_(None)))
    return [_warehouse(row) for row in rows]


def _warehouse(row: Row[*tuple[object, ...]]) -> Warehouse:
    return Warehouse(row.name, row.adapter, row.connection, row.pool)


def save_warehouse(tx: Transaction, warehouse: Warehouse) -> None:
    """Add the warehouse, or change the one of that name."""
    values = {
        "adapter": warehouse.adapter,
        "connection": dict(warehouse.connection),
        "pool": warehouse.pool,
        "retired_at": None,
    }
    statement = insert(warehouses).values(name=warehouse.name, **values)
    tx.execute(statement.on_conflict_do_update(index_elements=["name"], set_=values))


def save_gate(
    tx: Transaction,
    warehouse: str,
    table: str,
    description: str,
    tags: Tags,
    policy: Policy,
    gate_rules: Iterable[Rule],
    author: str,
) -> None:
    """Add the gate, or change the one of that name; its rules become exactly those given, and
    are kept as a rule set of that author if they never were before.
    """
    rule_set = build_rule_set(tuple(gate_rules))
    values = {
        "description": description,
        "tags": tags.gate,
        "column_tags": dict(tags.columns),
        "mode": policy.mode.value,
        "opens_on": sorted(verdict.value for verdict in policy.opens_on),
        "on_no_data": policy.on_no_data.value,
        "deadline_seconds": policy.deadline_seconds,
        "incremental": policy.incremental,
        "watch": asdict(policy.watch) if policy.watch else None,
        "cron": policy.cron,
        "pool": policy.pool,
        "samples": asdict(policy.samples),
        "dbt_project": asdict(policy.dbt_project) if policy.dbt_project else None,
        "rule_set_hash": rule_set.hash,
        "retired_at": None,
    }
    warehouse_id = select(warehouses.c.id).where(warehouses.c.name == warehouse).scalar_subquery()
    gate_id: int = tx.execute(
        insert(gates)
        .values(warehouse_id=warehouse_id, table_name=table, **values)
        .on_conflict_do_update(
            index_elements=["warehouse_id", "table_name"],
            set_={**values, "watermark": _kept_watermark(policy)},
        )
        .returning(gates.c.id)
    ).scalar_one()
    content = [render_rule(rule) for rule in rule_set.rules]
    tx.execute(
        insert(rule_sets)
        .values(gate_id=gate_id, hash=rule_set.hash, rules=content, author=author)
        .on_conflict_do_update(
            index_elements=["gate_id", "hash"],
            # Tried before, it becomes the gate's by whoever applies it.
            set_={"author": author, "created_at": func.clock_timestamp(), "proposed": False},
            where=rule_sets.c.proposed,
        )
    )
    tx.execute(delete(rules).where(rules.c.gate_id == gate_id))
    if rule_set.rules:
        rows = [{"gate_id": gate_id, **asdict(rule)} for rule in rule_set.rules]
        tx.execute(insert(rules), rows)


def _kept_watermark(policy: Policy) -> ColumnElement[str | None]:
    """The watermark of one column says nothing of another."""
    return case((gates.c.incremental == policy.incremental, gates.c.watermark))


def save_proposed(tx: Transaction, gate_id: int, rule_set: RuleSet) -> None:
    """Keep a rule set for trials; the gate's own, of now or before, is left as it is."""
    content = [render_rule(rule) for rule in rule_set.rules]
    tx.execute(
        insert(rule_sets)
        .values(gate_id=gate_id, hash=rule_set.hash, rules=content, author="", proposed=True)
        .on_conflict_do_nothing()
    )


def retire_gate(tx: Transaction, warehouse: str, table: str) -> None:
    """Take a gate out of every list and question; its runs stay on record."""
    warehouse_id = select(warehouses.c.id).where(warehouses.c.name == warehouse).scalar_subquery()
    tx.execute(
        update(gates)
        .where(gates.c.warehouse_id == warehouse_id, gates.c.table_name == table)
        .values(retired_at=func.clock_timestamp())
    )


def retire_warehouse(tx: Transaction, name: str) -> None:
    """Take a warehouse out of every list."""
    tx.execute(
        update(warehouses)
        .where(warehouses.c.name == name)
        .values(retired_at=func.clock_timestamp())
    )


def lock_configuration(tx: Transaction) -> None:
    """Let one change of the configuration at a time through, until the transaction ends."""
    tx.execute(select(func.pg_advisory_xact_lock(CONFIGURATION_LOCK)))


def load_rule_sets(tx: Transaction, gate_id: int) -> list[StoredRuleSet]:
    """Load every rule set that the gate ever had, the oldest first."""
    wanted = select(rule_sets).where(rule_sets.c.gate_id == gate_id, ~rule_sets.c.proposed)
    return [
        StoredRuleSet(
            rule_set=RuleSet(row.hash, tuple(parse_rule(rule) for rule in row.rules)),
            author=row.author,
            created_at=row.created_at,
        )
        for row in tx.execute(wanted.order_by(rule_sets.c.created_at))
    ]


def _select_gates(*conditions: ColumnElement[bool]) -> Select[*tuple[object, ...]]:
    return (
        select(
            gates,
            warehouses.c.name.label("warehouse"),
            warehouses.c.pool.label("warehouse_pool"),
        )
        .join(warehouses, warehouses.c.id == gates.c.warehouse_id)
        .where(*conditions)
        .order_by(warehouses.c.name, gates.c.table_name)
    )


def _gate(tx: Transaction, row: Row[*tuple[object, ...]]) -> Gate:
    gate_rules = tx.execute(
        select(*RULE_COLUMNS).where(rules.c.gate_id == row.id).order_by(rules.c.name)
    ).mappings()
    return Gate(
        id=row.id,
        warehouse=row.warehouse,
        table=row.table_name,
        description=row.description,
        policy=Policy(
            mode=Mode(row.mode),
            opens_on=frozenset(Verdict(word) for word in row.opens_on),
            on_no_data=OnNoData(row.on_no_data),
            deadline_seconds=row.deadline_seconds,
            incremental=row.incremental,
            samples=parse_sample_policy(row.samples or {}),
            dbt_project=DbtProject(**row.dbt_project) if row.dbt_project else None,
            watch=Watch(**row.watch) if row.watch else None,
            cron=row.cron,
            pool=row.pool,
        ),
        rule_set=RuleSet(row.rule_set_hash, tuple(parse_rule(dict(rule)) for rule in gate_rules)),
        watermark=row.watermark,
        salt=str(row.salt),
        pool=row.pool or row.warehouse_pool or DEFAULT_POOL,
        tags=Tags(
            tuple(row.tags), {column: tuple(tags) for column, tags in row.column_tags.items()}
        ),
    )
