"""A request may name where its result is to be posted, and which of the gate's rules it asks for.

The previous release's runners owe no callback, so they are to be gone before a host is listed that
may be called. To that release a run that was asked for a part of the rules is one like any other, so
it is to be gone before the first is asked.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add the columns, with a default where none may be missing."""
    op.add_column("requests", sa.Column("callback_url", sa.Text()))
    op.add_column("runs", sa.Column("rules", sa.ARRAY(sa.Text())))
    op.add_column("acknowledgements", sa.Column("due_at", sa.DateTime(timezone=True)))
    attempts = sa.Column("attempts", sa.Integer(), nullable=False, server_default="0")
    op.add_column("acknowledgements", attempts)
    message = sa.Column("message", sa.Text(), nullable=False, server_default="")
    op.add_column("acknowledgements", message)
    op.create_index(
        "acknowledgements_due_idx",
        "acknowledgements",
        ["due_at"],
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )


def downgrade() -> None:
    """Take them away, with the callbacks that are owed still."""
    op.execute("DELETE FROM acknowledgements WHERE channel = 'callback'")
    op.drop_index("acknowledgements_due_idx")
    for column in ("message", "attempts", "due_at"):
        op.drop_column("acknowledgements", column)
    op.drop_column("runs", "rules")
    op.drop_column("requests", "callback_url")
