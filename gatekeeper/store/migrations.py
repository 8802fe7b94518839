"""Whether the store's schema is the one that this version needs."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from gatekeeper.store.engine import Transaction

DIRECTORY = Path(__file__).resolve().parent.parent.parent / "migrations"


def pending_migration(tx: Transaction) -> str | None:
    """Say what keeps the schema from being ours; None where nothing does."""
    current = MigrationContext.configure(tx).get_current_revision()
    if current == _head():
        return None
    return f"the schema is at {current}, this version needs {_head()}; run: python app.py migrate"


@cache
def _head() -> str | None:
    return ScriptDirectory(str(DIRECTORY)).get_current_head()
