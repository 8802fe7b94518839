"""What a gate remembers of its table from run to run."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import null, select, update

from gatekeeper.store.engine import Transaction
from gatekeeper.store.tables import gates, rule_sets


def load_columns(tx: Transaction, gate_id: int, rule_set_hash: str) -> dict[str, str] | None:
    """Load the table's columns, with their types, as they were when the rule set was first judged;
    None before.
    """
    wanted = (rule_sets.c.gate_id == gate_id, rule_sets.c.hash == rule_set_hash)
    found = tx.execute(select(rule_sets.c.columns).where(*wanted)).scalar()
    return dict(found) if found else None


def remember_columns(
    tx: Transaction, gate_id: int, rule_set_hash: str, columns: Mapping[str, str]
) -> None:
    """Keep the columns, unless another run was first."""
    wanted = (rule_sets.c.gate_id == gate_id, rule_sets.c.hash == rule_set_hash)
    ordered = [[column, type_] for column, type_ in columns.items()]
    tx.execute(
        update(rule_sets).where(*wanted, rule_sets.c.columns.is_(None)).values(columns=ordered)
    )


def forget_columns(tx: Transaction, gate_id: int, rule_set_hash: str) -> None:
    """Let the next run remember the table as it finds it."""
    wanted = (rule_sets.c.gate_id == gate_id, rule_sets.c.hash == rule_set_hash)
    tx.execute(update(rule_sets).where(*wanted).values(columns=null()))


def raise_watermark(tx: Transaction, gate_id: int, column: str, watermark: str) -> None:
    """Note how far the gate was judged open, unless it goes by another column by now."""
    mine = (gates.c.id == gate_id, gates.c.incremental == column)
    tx.execute(update(gates).where(*mine).values(watermark=watermark))


def forget_watermark(tx: Transaction, gate_id: int) -> None:
    """Let the next run begin with the whole table."""
    tx.execute(update(gates).where(gates.c.id == gate_id).values(watermark=None))
