"""Templates, the tags they find gates and columns by, and which template a rule is of.

The previous release reads and writes none of it. Rules of templates are ordinary ones to it, so it
is to be gone before the first template is applied.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the table, and the columns with a default."""
    op.create_table(
        "templates",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("content", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("templates_pkey")),
    )
    op.add_column("gates", _texts("tags"))
    column_tags = sa.Column("column_tags", postgresql.JSONB(), nullable=False, server_default="{}")
    op.add_column("gates", column_tags)
    for table in ("rules", "results"):
        template = sa.Column("template", sa.Text(), nullable=False, server_default="")
        op.add_column(table, template)
        op.add_column(table, _texts("for_columns"))


def downgrade() -> None:
    """Take them away; what templates made stays, as the gates' own rules."""
    for table in ("results", "rules"):
        op.drop_column(table, "for_columns")
        op.drop_column(table, "template")
    op.drop_column("gates", "column_tags")
    op.drop_column("gates", "tags")
    op.drop_table("templates")


def _texts(name: str) -> sa.Column[list[str]]:
    return sa.Column(name, sa.ARRAY(sa.Text()), nullable=False, server_default="{}")
