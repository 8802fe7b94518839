"""Taking samples of failing rows, after everything is measured: a verdict never hangs on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from gatekeeper.domain.errors import RunnerError
from gatekeeper.domain.verdict import Measurement
from runner.project import find_own_types
from runner.session import Session

# What free SQL returns need not be rows of the table: it may give a column another's name. So may
# trusted code.
FREE_SQL = frozenset({"custom_sql"})


def take_samples(
    session: Session, order: Mapping[str, Any], measurements: Sequence[Measurement]
) -> list[Measurement]:
    """Give the measurements, those of failing rows with their samples.

    Where the warehouse fails, the rest goes without; what it says may quote rows, and is dropped.
    """
    types = {rule["name"]: rule["type"] for rule in order["rules"]}
    known = find_own_types(Path(order["dbt_project"])) - FREE_SQL
    sampled = list(measurements)
    for number, measured in enumerate(measurements):
        if measured.rows_failed and types[measured.rule] in known:
            try:
                rows = _sample(session, order["sampling"], str(measured.compiled_sql))
            except RunnerError:
                break
            sampled[number] = replace(measured, samples=rows)
    return sampled


def _sample(
    session: Session, sampling: Mapping[str, Any], failing_rows: str
) -> list[dict[str, str | None]]:
    """Give what may be shown of failing rows; nothing of those that have no such columns."""
    there = session.columns("sx_no_row", failing_rows=failing_rows)
    columns = [column for column in sampling["columns"] if column in there]
    if not columns:
        return []
    rows = session.rows("sx_sample", **{**sampling, "columns": columns}, failing_rows=failing_rows)
    return [dict(zip(columns, row, strict=True)) for row in rows]
