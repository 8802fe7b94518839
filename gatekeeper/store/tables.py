"""The tables of the store. Alembic's revisions in migrations/ are held to these by a test."""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    false,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB

from gatekeeper.domain.fleet import RunnerState
from gatekeeper.domain.gate import Mode
from gatekeeper.domain.rule import Dimension, Entity, Kind, Severity
from gatekeeper.domain.run import Purpose, RunState, Trigger
from gatekeeper.domain.verdict import OnNoData, Outcome, Verdict

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        "ck": "%(table_name)s_%(constraint_name)s_check",
    }
)


def _one_of(column: str, words: type) -> CheckConstraint:
    """Hold a text column to the words of an enum; NULL is left to the column's own NOT NULL."""
    listed = ", ".join(f"'{word.value}'" for word in words)  # type: ignore[attr-defined]
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def _timestamp(name: str, *, nullable: bool = True, default_now: bool = False) -> Column[object]:
    now = func.clock_timestamp() if default_now else None
    return Column(name, DateTime(timezone=True), nullable=nullable, server_default=now)


warehouses = Table(
    "warehouses",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("adapter", Text, nullable=False),
    Column("connection", JSONB, nullable=False),
    # Of the runners; a gate's own goes first.
    Column("pool", Text),
    # What has runs on record is never deleted; retired, it is out of every list and question.
    _timestamp("retired_at"),
)

gates = Table(
    "gates",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("warehouse_id", BigInteger, ForeignKey("warehouses.id"), nullable=False),
    Column("table_name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("tags", ARRAY(Text), nullable=False, server_default="{}"),
    Column("column_tags", JSONB, nullable=False, server_default="{}"),
    Column("mode", Text, nullable=False),
    Column("opens_on", ARRAY(Text), nullable=False),
    Column("on_no_data", Text, nullable=False),
    Column("deadline_seconds", Integer, nullable=False),
    # The rule set that `rules` is: named when it was saved, never worked out again from what the
    # store made of it.
    Column("rule_set_hash", Text, nullable=False),
    Column("incremental", Text),
    # The highest value of that column which was judged open, in its written form.
    Column("watermark", Text),
    Column("dbt_project", JSONB(none_as_null=True)),
    Column("pool", Text),
    Column("watch", JSONB(none_as_null=True)),
    Column("cron", Text),
    # What may be kept of failing rows; and what goes into their hashes, never shown.
    Column("samples", JSONB(none_as_null=True)),
    Column("salt", Uuid, nullable=False, server_default=func.gen_random_uuid()),
    _timestamp("retired_at"),
    UniqueConstraint("warehouse_id", "table_name"),
    _one_of("mode", Mode),
    _one_of("on_no_data", OnNoData),
)

# What a gate that watches by change events has gathered since its last run.
gathered_changes = Table(
    "gathered_changes",
    metadata,
    Column("gate_id", BigInteger, ForeignKey("gates.id", ondelete="CASCADE"), primary_key=True),
    Column("column", Text),
    # Both NULL: only the whole table holds what changed.
    Column("low", JSONB(none_as_null=True)),
    Column("high", JSONB(none_as_null=True)),
    Column("changes", BigInteger, nullable=False),
    _timestamp("due_at", nullable=False),
)

# How far a gate that looks at its table has seen it.
looks = Table(
    "looks",
    metadata,
    Column("gate_id", BigInteger, ForeignKey("gates.id", ondelete="CASCADE"), primary_key=True),
    Column("column", Text, nullable=False),
    # The greatest value that a run was asked for, in its written form.
    Column("seen", Text),
    Column("trouble", Text, nullable=False, server_default=""),
    _timestamp("looked_at"),
    _timestamp("due_at", nullable=False),
)

# When a gate with a cron expression is due next.
schedules = Table(
    "schedules",
    metadata,
    Column("gate_id", BigInteger, ForeignKey("gates.id", ondelete="CASCADE"), primary_key=True),
    Column("cron", Text, nullable=False),
    _timestamp("due_at", nullable=False),
)

templates = Table(
    "templates",
    metadata,
    Column("name", Text, primary_key=True),
    Column("content", JSONB, nullable=False),
)

rules = Table(
    "rules",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("gate_id", BigInteger, ForeignKey("gates.id", ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("parameters", JSONB, nullable=False),
    Column("kind", Text, nullable=False),
    Column("dimension", Text, nullable=False),
    Column("entity", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("warn_above", Text, nullable=False),
    Column("error_above", Text, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("description", Text, nullable=False),
    Column("owner", Text, nullable=False, server_default=""),
    Column("columns", ARRAY(Text), nullable=False, server_default="{}"),
    Column("template", Text, nullable=False, server_default=""),
    Column("for_columns", ARRAY(Text), nullable=False, server_default="{}"),
    UniqueConstraint("gate_id", "name"),
    _one_of("kind", Kind),
    _one_of("dimension", Dimension),
    _one_of("entity", Entity),
    _one_of("severity", Severity),
)

rule_sets = Table(
    "rule_sets",
    metadata,
    Column("gate_id", BigInteger, ForeignKey("gates.id", ondelete="CASCADE"), primary_key=True),
    Column("hash", Text, primary_key=True),
    Column("rules", JSONB, nullable=False),
    Column("author", Text, nullable=False),
    # The table's columns, as [name, type], when the rule set was first judged.
    Column("columns", JSONB(none_as_null=True)),
    _timestamp("created_at", nullable=False, default_now=True),
    # Tried and never applied: not one that the gate has had.
    Column("proposed", Boolean, nullable=False, server_default=false()),
)

requests = Table(
    "requests",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("gate_id", BigInteger, ForeignKey("gates.id"), nullable=False),
    Column("trigger", Text, nullable=False),
    Column("idempotency_key", Text, unique=True),
    Column("question", JSONB, nullable=False),
    Column("correlation_id", Text),
    Column("callback_url", Text),
    # Where it stood in Kafka, if it came from there: a record is taken once.
    Column("topic", Text),
    Column("partition", Integer),
    Column("offset", BigInteger),
    _timestamp("received_at", nullable=False),
    UniqueConstraint("topic", "partition", "offset"),
    _one_of("trigger", Trigger),
)

runs = Table(
    "runs",
    metadata,
    Column("id", Uuid, primary_key=True),
    # The order in which runs were stored: what pages of them are cut by.
    Column("position", BigInteger, Identity(always=True), nullable=False, unique=True),
    Column("request_id", Uuid, ForeignKey("requests.id"), nullable=False, index=True),
    Column("gate_id", BigInteger, ForeignKey("gates.id"), nullable=False),
    Column("rule_set_hash", Text, nullable=False),
    # The rules that were asked for, where it wasn't all.
    Column("rules", ARRAY(Text)),
    Column("batch", JSONB),
    Column("purpose", Text, nullable=False, server_default=Purpose.JUDGE.value),
    Column("compares_with", Uuid, ForeignKey("runs.id", ondelete="SET NULL")),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("attempt_token", Uuid),
    Column("job_id", BigInteger),
    Column("verdict", Text),
    Column("open", Boolean),
    Column("message", Text, nullable=False, server_default=""),
    Column("counts", JSONB),
    _timestamp("queued_at"),
    _timestamp("started_at"),
    _timestamp("deadline_at"),
    _timestamp("finished_at"),
    ForeignKeyConstraint(
        ["gate_id", "rule_set_hash"],
        ["rule_sets.gate_id", "rule_sets.hash"],
        name="runs_rule_set_hash_fkey",
    ),
    _one_of("purpose", Purpose),
    _one_of("state", RunState),
    _one_of("verdict", Verdict),
    CheckConstraint("(state = 'finished') = (verdict IS NOT NULL)", name="verdict_when_finished"),
    # Recovery goes from the jobs in hand to their runs.
    Index("runs_job_id_idx", "job_id"),
    Index("runs_gate_id_position_idx", "gate_id", "position"),
    # What a pipeline polls: the gate's latest verdict.
    Index(
        "runs_finished_idx",
        "gate_id",
        "finished_at",
        postgresql_where=Column("state", Text) == "finished",
    ),
    # What the end of a run that was compared with looks for.
    Index(
        "runs_compares_with_idx",
        "compares_with",
        postgresql_where=Column("compares_with", Uuid).is_not(None),
    ),
    # What recovery looks through, however long the history grows.
    Index(
        "runs_unfinished_idx",
        "state",
        postgresql_where=Column("state", Text).in_(["queued", "running"]),
    ),
)

results = Table(
    "results",
    metadata,
    Column("run_id", Uuid, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("rule", Text, primary_key=True),
    Column("type", Text, nullable=False),
    Column("parameters", JSONB, nullable=False),
    Column("kind", Text, nullable=False),
    Column("dimension", Text, nullable=False),
    Column("entity", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("warn_above", Text, nullable=False),
    Column("error_above", Text, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("description", Text, nullable=False),
    Column("owner", Text, nullable=False, server_default=""),
    Column("columns", ARRAY(Text), nullable=False, server_default="{}"),
    Column("template", Text, nullable=False, server_default=""),
    Column("for_columns", ARRAY(Text), nullable=False, server_default="{}"),
    Column("outcome", Text, nullable=False),
    Column("rows_tested", BigInteger),
    Column("rows_failed", BigInteger),
    Column("message", Text, nullable=False),
    Column("compiled_sql", Text),
    Column("duration_seconds", Double),
    Column("dbt_status", Text),
    _one_of("outcome", Outcome),
)

samples = Table(
    "samples",
    metadata,
    Column("run_id", Uuid, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("rule", Text, primary_key=True),
    Column("rows", JSONB, nullable=False),
    _timestamp("expires_at", nullable=False),
    Index("samples_expires_at_idx", "expires_at"),
)

runners = Table(
    "runners",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("version", Text, nullable=False),
    Column("pools", ARRAY(Text), nullable=False),
    Column("state", Text, nullable=False),
    Column("mebibytes", Integer, nullable=False),
    Column("lanes", JSONB, nullable=False),
    _timestamp("started_at", nullable=False),
    _timestamp("beat_at", nullable=False),
    _one_of("state", RunnerState),
)

acknowledgements = Table(
    "acknowledgements",
    metadata,
    Column("run_id", Uuid, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("channel", Text, primary_key=True),
    # The order in which verdicts were given: that of a gate's answers.
    Column("position", BigInteger, Identity(always=True), nullable=False),
    _timestamp("acknowledged_at"),
    # Of a callback: when it is tried next, NULL once it was given or given up; how often it was
    # tried, and why the last time came to nothing.
    _timestamp("due_at"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("message", Text, nullable=False, server_default=""),
    Index(
        "acknowledgements_due_idx",
        "due_at",
        postgresql_where=Column("due_at", DateTime()).is_not(None),
    ),
    Index(
        "acknowledgements_owed_idx",
        "channel",
        "position",
        postgresql_where=Column("acknowledged_at", DateTime()).is_(None),
    ),
)
