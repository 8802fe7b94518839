"""A gate may name a dbt project of the user's own, and a rule its owner.

The previous release reads and writes neither.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the columns, with a default where none may be missing."""
    op.add_column("gates", sa.Column("dbt_project", postgresql.JSONB()))
    for table in ("rules", "results"):
        owner = sa.Column("owner", sa.Text(), nullable=False, server_default="")
        op.add_column(table, owner)


def downgrade() -> None:
    """Take them away."""
    for table in ("results", "rules"):
        op.drop_column(table, "owner")
    op.drop_column("gates", "dbt_project")
