"""Trials: runs that aren't the gate's verdict, by rule sets that were never the gate's.

What is there was judged, and what the release before writes is: by the defaults.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "rule_sets",
        sa.Column("proposed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.add_column("runs", sa.Column("purpose", sa.Text(), server_default="judge", nullable=False))
    op.add_column("runs", sa.Column("compares_with", sa.Uuid(), nullable=True))
    op.create_check_constraint(
        op.f("runs_purpose_check"), "runs", "purpose IN ('judge', 'try', 'backtest')"
    )
    op.create_foreign_key(
        op.f("runs_compares_with_fkey"),
        "runs",
        "runs",
        ["compares_with"],
        ["id"],
        ondelete="SET NULL",
    )
    op.create_index(
        "runs_compares_with_idx",
        "runs",
        ["compares_with"],
        unique=False,
        postgresql_where=sa.text("compares_with IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index(
        "runs_compares_with_idx",
        table_name="runs",
        postgresql_where=sa.text("compares_with IS NOT NULL"),
    )
    op.drop_constraint(op.f("runs_compares_with_fkey"), "runs", type_="foreignkey")
    op.drop_constraint(op.f("runs_purpose_check"), "runs", type_="check")
    op.drop_column("runs", "compares_with")
    op.drop_column("runs", "purpose")
    op.drop_column("rule_sets", "proposed")
