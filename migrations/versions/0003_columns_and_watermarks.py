"""What a gate remembers of its table: its columns, and how far it was judged.

Rules know which columns they name. The previous release reads and writes none of this.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the columns, with a default where none may be missing."""
    op.add_column("gates", sa.Column("incremental", sa.Text()))
    op.add_column("gates", sa.Column("watermark", sa.Text()))
    op.add_column("rule_sets", sa.Column("columns", postgresql.JSONB()))
    for table in ("rules", "results"):
        names = sa.Column("columns", sa.ARRAY(sa.Text()), nullable=False, server_default="{}")
        op.add_column(table, names)


def downgrade() -> None:
    """Take them away."""
    for table in ("results", "rules", "rule_sets"):
        op.drop_column(table, "columns")
    op.drop_column("gates", "watermark")
    op.drop_column("gates", "incremental")
