"""The checks of finished runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import insert, select

from gatekeeper.domain.rule import parse_rule
from gatekeeper.domain.run import RunId
from gatekeeper.domain.verdict import Check, Measurement, Outcome
from gatekeeper.store.engine import Transaction
from gatekeeper.store.tables import results

_MEASURED = (
    "rows_tested",
    "rows_failed",
    "message",
    "compiled_sql",
    "duration_seconds",
    "dbt_status",
)


def save_results(tx: Transaction, run_id: RunId, checks: Sequence[Check]) -> None:
    """Store the checks of a run that is being concluded."""
    tx.execute(insert(results), [_row(run_id, check) for check in checks])


def _row(run_id: RunId, check: Check) -> dict[str, object]:
    rule = asdict(check.rule)
    measured = asdict(check.measurement)
    return {
        **rule,
        **{name: measured[name] for name in _MEASURED},
        "run_id": run_id,
        "rule": rule.pop("name"),
        "outcome": check.outcome.value,
    }


def load_results(tx: Transaction, run_id: RunId) -> list[Check]:
    """Load a run's checks by rule name; none before it is finished."""
    rows = tx.execute(select(results).where(results.c.run_id == run_id).order_by(results.c.rule))
    return [
        Check(
            rule=parse_rule({**{name: row[name] for name in _RULE}, "name": row["rule"]}),
            outcome=Outcome(row["outcome"]),
            measurement=Measurement(row["rule"], **{name: row[name] for name in _MEASURED}),
        )
        for row in rows.mappings()
    ]


_RULE = (
    "type",
    "parameters",
    "kind",
    "dimension",
    "entity",
    "severity",
    "warn_above",
    "error_above",
    "enabled",
    "description",
    "owner",
    "columns",
    "template",
    "for_columns",
)
