"""Whether the store's schema is the one that this version needs."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from gatekeeper.domain.errors import StoreUnavailable
from gatekeeper.store.engine import Store, Transaction

DIRECTORY = Path(__file__).resolve().parent.parent.parent / "migrations"
LOOK_SECONDS = 1


def pending_migration(tx: Transaction) -> str | None:
    """Say what keeps the schema from being ours; None where nothing does.

    A later release's is as good as ours: each migration leaves the release before it working, which
    serves while the next one is brought in, and again when that is taken back.
    """
    current = _current(tx)
    if current == _head() or _is_later(current):
        return None
    return f"the schema is at {current}, this version needs {_head()}; run: python app.py migrate"


def is_of_later_release(tx: Transaction) -> bool:
    """Whether a release after this one has migrated the store."""
    return _is_later(_current(tx))


def await_schema(store: Store, say: Callable[[str], None]) -> None:
    """Wait until the store answers and its schema will do; say what is waited for, once each."""
    said = None
    while (hindrance := _find_hindrance(store)) is not None:
        if hindrance != said:
            say(hindrance)
        said = hindrance
        time.sleep(LOOK_SECONDS)


def _find_hindrance(store: Store) -> str | None:
    try:
        with store.transaction() as tx:
            return pending_migration(tx)
    except StoreUnavailable:
        return "the store can't be reached"


def _current(tx: Transaction) -> str | None:
    return MigrationContext.configure(tx).get_current_revision()


def _is_later(revision: str | None) -> bool:
    return revision is not None and revision not in _known()


@cache
def _known() -> frozenset[str]:
    return frozenset(each.revision for each in _scripts().walk_revisions())


@cache
def _head() -> str | None:
    return _scripts().get_current_head()


@cache
def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(DIRECTORY))
