"""Gates may ask by themselves: when their table changes, and by the clock.

The previous release writes gates without it, and neither gathers, looks nor keeps to a schedule.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add what a gate is told, and what it remembers of each."""
    op.add_column("gates", sa.Column("watch", postgresql.JSONB()))
    op.add_column("gates", sa.Column("cron", sa.Text()))
    _create(
        "gathered_changes",
        sa.Column("column", sa.Text()),
        sa.Column("low", postgresql.JSONB()),
        sa.Column("high", postgresql.JSONB()),
        sa.Column("changes", sa.BigInteger(), nullable=False),
    )
    _create(
        "looks",
        sa.Column("column", sa.Text(), nullable=False),
        sa.Column("seen", sa.Text()),
        sa.Column("trouble", sa.Text(), nullable=False, server_default=""),
        sa.Column("looked_at", sa.DateTime(timezone=True)),
    )
    _create("schedules", sa.Column("cron", sa.Text(), nullable=False))


def downgrade() -> None:
    """Take it away."""
    for table in ("schedules", "looks", "gathered_changes"):
        op.drop_table(table)
    op.drop_column("gates", "cron")
    op.drop_column("gates", "watch")


def _create(name: str, *columns: sa.Column[object]) -> None:
    """Create a table of what is remembered of a gate, with the time when it is due."""
    op.create_table(
        name,
        sa.Column("gate_id", sa.BigInteger(), nullable=False),
        *columns,
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("gate_id", name=op.f(f"{name}_pkey")),
        sa.ForeignKeyConstraint(
            ["gate_id"], ["gates.id"], name=op.f(f"{name}_gate_id_fkey"), ondelete="CASCADE"
        ),
    )
