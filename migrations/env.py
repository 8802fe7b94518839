"""How revisions are run: one transaction each, one migration of a store at a time, never waiting
long behind a lock that the running service holds.
"""

from __future__ import annotations

from alembic import context
from flask import current_app
from sqlalchemy import text

# Any number does, as long as nothing else in the store takes an advisory lock of the same.
MIGRATION_LOCK = 7_346_291
store = current_app.extensions["migrate"].db


def is_ours(name: str | None, kind: str, parents: object) -> bool:
    """Leave the queue's tables out of comparisons: they are procrastinate's."""
    del parents
    return not (kind == "table" and (name or "").startswith("procrastinate_"))


def run_migrations() -> None:
    """Run what is pending, under a lock that is kept between the transactions."""
    with store.engine.connect() as connection:
        # Another migration of this store is waited for; locks of the running service are not.
        connection.execute(text("set statement_timeout = '300s'"))
        connection.execute(text("select pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK})
        connection.execute(text("set lock_timeout = '5s'"))
        connection.execute(text("set statement_timeout = '60s'"))
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=store.metadata,
            include_name=is_ours,
            transaction_per_migration=True,
            compare_server_default=True,
        )
        with context.begin_transaction():
            context.run_migrations()
        connection.execute(text("select pg_advisory_unlock(:key)"), {"key": MIGRATION_LOCK})
        connection.commit()
        # The connection goes back to the pool, where others expect the store's own timeouts.
        connection.invalidate()


if context.is_offline_mode():
    raise SystemExit("migrations run on a store that is there: they take a lock on it")
run_migrations()
