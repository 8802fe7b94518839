"""A request may come from Kafka, and knows its place there; answers go out in an order.

The previous release writes no place.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the place, which no two requests share, and the order."""
    op.add_column("requests", sa.Column("topic", sa.Text()))
    op.add_column("requests", sa.Column("partition", sa.Integer()))
    op.add_column("requests", sa.Column("offset", sa.BigInteger()))
    op.create_unique_constraint(
        "requests_topic_partition_offset_key", "requests", ["topic", "partition", "offset"]
    )
    position = sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False)
    op.add_column("acknowledgements", position)
    op.create_index(
        "acknowledgements_owed_idx",
        "acknowledgements",
        ["channel", "position"],
        postgresql_where=sa.text("acknowledged_at IS NULL"),
    )


def downgrade() -> None:
    """Take it away."""
    op.drop_index("acknowledgements_owed_idx")
    op.drop_column("acknowledgements", "position")
    op.drop_constraint("requests_topic_partition_offset_key", "requests")
    for column in ("offset", "partition", "topic"):
        op.drop_column("requests", column)
