"""Inserting many rows as one value: a statement with a parameter for each field costs several times
as much, most of it in the client.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Table, cast, column, func, literal, select
from sqlalchemy.dialects.postgresql import JSONB, Insert, insert


def insert_rows(
    table: Table, rows: Sequence[Mapping[str, Any]], **shared: ColumnElement[Any]
) -> Insert:
    """Build an INSERT of rows that have the same columns; their values go as JSON. `shared` are
    expressions, the same for all rows.
    """
    names = list(rows[0])
    given = (
        func.jsonb_to_recordset(cast(literal(list(rows), JSONB), JSONB))
        .table_valued(*(column(name, table.c[name].type) for name in names))
        .render_derived(name="given", with_types=True)
    )
    values = [*(given.c[name] for name in names), *shared.values()]
    return insert(table).from_select([*names, *shared], select(*values))
