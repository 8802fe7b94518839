"""Reading what dbt gives of each test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dbt.artifacts.schemas.results import TestStatus

from gatekeeper.domain.verdict import Measurement
from runner.redaction import redact

# A batch of a thousand values stands in every check's SQL.
MAX_SQL_LENGTH = 20_000
CUT = "\n-- the rest of it isn't kept"


def read_result(
    result: Any, rule: str, rows_tested: int | None, connection: Mapping[str, str]
) -> Measurement:
    """Give what a test measured; `rule` is what it is called here."""
    rows_failed = read_count(result)
    return Measurement(
        rule=rule,
        rows_tested=rows_tested,
        rows_failed=rows_failed,
        message=redact(str(result.message), connection) if rows_failed is None else "",
        compiled_sql=getattr(result.node, "compiled_code", None),
        duration_seconds=result.execution_time,
        dbt_status=str(result.status),
    )


def read_count(result: Any) -> int | None:
    """What a test counted; dbt gives a failing test's count, and 0 for one that passed."""
    if result.status in (TestStatus.Pass, TestStatus.Warn, TestStatus.Fail):
        return int(result.failures)
    return None


def cut_sql(measured: Measurement) -> Measurement:
    """Leave out what is too long of a measurement's SQL to be kept."""
    sql = measured.compiled_sql or ""
    if len(sql) <= MAX_SQL_LENGTH:
        return measured
    return replace(measured, compiled_sql=sql[:MAX_SQL_LENGTH] + CUT)
