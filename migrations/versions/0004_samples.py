"""Samples of failing rows, apart from the results, since they don't last as long.

The previous release neither takes nor reads any.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Give each gate a policy and a salt of its own, and the samples a table."""
    op.add_column("gates", sa.Column("samples", postgresql.JSONB()))
    salt = sa.Column("salt", sa.Uuid(), nullable=False, server_default=sa.func.gen_random_uuid())
    op.add_column("gates", salt)
    op.create_table(
        "samples",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("rows", postgresql.JSONB(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.id"], name="samples_run_id_fkey", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", "rule", name="samples_pkey"),
    )
    op.create_index("samples_expires_at_idx", "samples", ["expires_at"])


def downgrade() -> None:
    """Take them away."""
    op.drop_table("samples")
    op.drop_column("gates", "salt")
    op.drop_column("gates", "samples")
