"""The tables of the store, as the first release needs them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "warehouses",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("adapter", sa.Text(), nullable=False),
        sa.Column("connection", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("warehouses_pkey")),
        sa.UniqueConstraint("name", name=op.f("warehouses_name_key")),
    )
    op.create_table(
        "gates",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("warehouse_id", sa.BigInteger(), nullable=False),
        sa.Column("table_name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("opens_on", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("on_no_data", sa.Text(), nullable=False),
        sa.Column("deadline_seconds", sa.Integer(), nullable=False),
        sa.Column("rule_set_hash", sa.Text(), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "on_no_data IN ('pass', 'warn', 'fail')", name=op.f("gates_on_no_data_check")
        ),
        sa.CheckConstraint("mode IN ('inline', 'async', 'off')", name=op.f("gates_mode_check")),
        sa.ForeignKeyConstraint(
            ["warehouse_id"], ["warehouses.id"], name=op.f("gates_warehouse_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("gates_pkey")),
        sa.UniqueConstraint(
            "warehouse_id", "table_name", name=op.f("gates_warehouse_id_table_name_key")
        ),
    )
    op.create_table(
        "requests",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("gate_id", sa.BigInteger(), nullable=False),
        sa.Column("trigger", sa.Text(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=True),
        sa.Column("question", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("correlation_id", sa.Text(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "trigger IN ('http', 'kafka', 'schedule', 'cdc', 'manual')",
            name=op.f("requests_trigger_check"),
        ),
        sa.ForeignKeyConstraint(["gate_id"], ["gates.id"], name=op.f("requests_gate_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("requests_pkey")),
        sa.UniqueConstraint("idempotency_key", name=op.f("requests_idempotency_key_key")),
    )
    op.create_table(
        "rule_sets",
        sa.Column("gate_id", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("rules", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["gate_id"], ["gates.id"], name=op.f("rule_sets_gate_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("gate_id", "hash", name=op.f("rule_sets_pkey")),
    )
    op.create_table(
        "rules",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("gate_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("parameters", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("dimension", sa.Text(), nullable=False),
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("warn_above", sa.Text(), nullable=False),
        sa.Column("error_above", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "dimension IN ('completeness', 'validity', 'accuracy', 'consistency', 'uniqueness', 'timeliness')",
            name=op.f("rules_dimension_check"),
        ),
        sa.CheckConstraint(
            "entity IN ('table', 'column', 'row', 'dataset')", name=op.f("rules_entity_check")
        ),
        sa.CheckConstraint("kind IN ('engineering', 'business')", name=op.f("rules_kind_check")),
        sa.CheckConstraint("severity IN ('warn', 'error')", name=op.f("rules_severity_check")),
        sa.ForeignKeyConstraint(
            ["gate_id"], ["gates.id"], name=op.f("rules_gate_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("rules_pkey")),
        sa.UniqueConstraint("gate_id", "name", name=op.f("rules_gate_id_name_key")),
    )
    op.create_table(
        "runs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("gate_id", sa.BigInteger(), nullable=False),
        sa.Column("rule_set_hash", sa.Text(), nullable=False),
        sa.Column("batch", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("attempt_token", sa.Uuid(), nullable=True),
        sa.Column("job_id", sa.BigInteger(), nullable=True),
        sa.Column("verdict", sa.Text(), nullable=True),
        sa.Column("open", sa.Boolean(), nullable=True),
        sa.Column("message", sa.Text(), server_default="", nullable=False),
        sa.Column("counts", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deadline_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state = 'finished') = (verdict IS NOT NULL)",
            name=op.f("runs_verdict_when_finished_check"),
        ),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'finished', 'cancelled')", name=op.f("runs_state_check")
        ),
        sa.CheckConstraint(
            "verdict IN ('pass', 'warn', 'fail', 'error', 'no_data')",
            name=op.f("runs_verdict_check"),
        ),
        sa.ForeignKeyConstraint(
            ["gate_id", "rule_set_hash"],
            ["rule_sets.gate_id", "rule_sets.hash"],
            name="runs_rule_set_hash_fkey",
        ),
        sa.ForeignKeyConstraint(["gate_id"], ["gates.id"], name=op.f("runs_gate_id_fkey")),
        sa.ForeignKeyConstraint(["request_id"], ["requests.id"], name=op.f("runs_request_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("runs_pkey")),
        sa.UniqueConstraint("position", name=op.f("runs_position_key")),
    )
    op.create_index(
        "runs_finished_idx",
        "runs",
        ["gate_id", "finished_at"],
        unique=False,
        postgresql_where=sa.text("state = 'finished'"),
    )
    op.create_index("runs_gate_id_position_idx", "runs", ["gate_id", "position"], unique=False)
    op.create_index("runs_job_id_idx", "runs", ["job_id"], unique=False)
    op.create_index(op.f("runs_request_id_idx"), "runs", ["request_id"], unique=False)
    op.create_index(
        "runs_unfinished_idx",
        "runs",
        ["state"],
        unique=False,
        postgresql_where=sa.text("state IN ('queued', 'running')"),
    )
    op.create_table(
        "acknowledgements",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.id"], name=op.f("acknowledgements_run_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", "channel", name=op.f("acknowledgements_pkey")),
    )
    op.create_table(
        "results",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("parameters", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("dimension", sa.Text(), nullable=False),
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("warn_above", sa.Text(), nullable=False),
        sa.Column("error_above", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("rows_tested", sa.BigInteger(), nullable=True),
        sa.Column("rows_failed", sa.BigInteger(), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("compiled_sql", sa.Text(), nullable=True),
        sa.Column("duration_seconds", sa.Double(), nullable=True),
        sa.Column("dbt_status", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "outcome IN ('pass', 'warn', 'fail', 'error', 'no_data', 'skipped')",
            name=op.f("results_outcome_check"),
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.id"], name=op.f("results_run_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", "rule", name=op.f("results_pkey")),
    )


def downgrade() -> None:
    op.drop_table("results")
    op.drop_table("acknowledgements")
    op.drop_index(
        "runs_unfinished_idx",
        table_name="runs",
        postgresql_where=sa.text("state IN ('queued', 'running')"),
    )
    op.drop_index("runs_job_id_idx", table_name="runs")
    op.drop_index(op.f("runs_request_id_idx"), table_name="runs")
    op.drop_index("runs_gate_id_position_idx", table_name="runs")
    op.drop_index(
        "runs_finished_idx", table_name="runs", postgresql_where=sa.text("state = 'finished'")
    )
    op.drop_table("runs")
    op.drop_table("rules")
    op.drop_table("rule_sets")
    op.drop_table("requests")
    op.drop_table("gates")
    op.drop_table("warehouses")
