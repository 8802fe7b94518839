"""Templates, each as the plain data that it was written as."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from gatekeeper.store.engine import Transaction
from gatekeeper.store.tables import templates


def load_templates(tx: Transaction) -> dict[str, Mapping[str, Any]]:
    """Load what every template is, by name."""
    return {row.name: row.content for row in tx.execute(select(templates))}


def save_template(tx: Transaction, name: str, content: Mapping[str, Any]) -> None:
    """Add the template, or change the one of that name."""
    statement = insert(templates).values(name=name, content=dict(content))
    tx.execute(
        statement.on_conflict_do_update(index_elements=["name"], set_={"content": dict(content)})
    )


def delete_template(tx: Transaction, name: str) -> None:
    """Delete a template; rule sets keep the rules that it made."""
    tx.execute(delete(templates).where(templates.c.name == name))
