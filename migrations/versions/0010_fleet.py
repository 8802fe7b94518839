"""Runners say that they are there; gates and warehouses may name the pool that judges them.

The previous release's runners say nothing of themselves, and take the runs of the default pool.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add the table, and the pools."""
    op.create_table(
        "runners",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("pools", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("mebibytes", sa.Integer(), nullable=False),
        sa.Column("lanes", postgresql.JSONB(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("beat_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('running', 'draining', 'lost')", name=op.f("runners_state_check")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("runners_pkey")),
    )
    op.add_column("warehouses", sa.Column("pool", sa.Text()))
    op.add_column("gates", sa.Column("pool", sa.Text()))


def downgrade() -> None:
    """Take them away."""
    op.drop_column("gates", "pool")
    op.drop_column("warehouses", "pool")
    op.drop_table("runners")
