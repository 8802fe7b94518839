"""Free SQL: a few statements, and what they mean. Their text is what the parameters hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from tests.reference.judged import Judged, Parameters, Row, RuleType

OTHER = "judged.other"

CONDITIONS: Mapping[str, Callable[[Row], bool | None]] = {
    '"count" is null or "count" >= 0': lambda row: row["count"] is None or row["count"] >= 0,
    # Unknown without a value, which is no failure.
    '"count" < 3 -- a note': lambda row: None if row["count"] is None else row["count"] < 3,
    "ok": lambda row: row["ok"],
    "note = 'a' || '''' or note is null": lambda row: row["note"] in ("a'", None),
    "null": lambda _: None,
}
"""Conditions, with whether a row meets them; None where that is unknown."""

QUERIES: Mapping[str, Callable[[Sequence[Row], Sequence[Row]], int]] = {
    "select * from sx_batch where ok": lambda rows, _: sum(row["ok"] is True for row in rows),
    'select "count" from sx_batch group by 1 having count(*) > 1 -- a note': lambda rows, _: sum(
        times > 1 for times in Counter(row["count"] for row in rows).values()
    ),
    f"select 1 from sx_batch as b join {OTHER} as o on o.note = b.note": lambda rows, others: sum(
        row["note"] is not None and row["note"] == other["note"] for row in rows for other in others
    ),
    f"with o as (select * from {OTHER}) select * from o": lambda _, others: len(others),
}
"""Queries, with how many rows of the batch and of the other table they return."""


def expression(judged: Judged, parameters: Parameters) -> int:
    met = CONDITIONS[parameters["expression"]]
    return sum(met(row) is False for row in judged.rows)


def custom_sql(judged: Judged, parameters: Parameters) -> int:
    return QUERIES[parameters["query"]](judged.rows, judged.others[OTHER])


RULE_TYPES: Mapping[str, RuleType] = {"custom_sql": custom_sql, "expression": expression}
