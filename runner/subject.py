"""The judged table, looked at before anything is measured: its columns, and the batch as it is
there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gatekeeper.domain.errors import RunnerError
from runner.session import Session

_NUMBER = re.compile(
    r"(u?(tiny|small|big|huge)?int(eger)?|numeric|decimal|real|float|double)\b", re.IGNORECASE
)
_LENGTH = re.compile(r"\(\d+(,\d+)?\)")
_TEXT = re.compile(r"(text|varchar|character|char|bpchar|citext|name)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Subject:
    """The table's columns with their types, in its order; the batch to judge, in its wire form."""

    columns: Mapping[str, str]
    batch: Mapping[str, Any] | None


def look(session: Session, order: Mapping[str, Any]) -> Subject:
    """Look at an order's table; raises RunnerError where its batch can't be told there."""
    columns: dict[str, str] = dict(session.rows("sx_subject_columns", table=order["table"]))
    batch = order["batch"]
    if order["increment"]:
        _find_type(columns, order["increment"]["column"])
        batch = _find_increment(session, order["table"], **order["increment"])
    elif batch:
        _check_batch(session, batch, _find_type(columns, batch["column"]))
    return Subject(columns, batch)


def _find_type(columns: Mapping[str, str], column: str) -> str:
    if column in columns:
        return columns[column]
    for name, type_ in columns.items():
        if name.casefold() == column.casefold():
            return type_
    known = ", ".join(columns)
    message = f"the batch's column {column!r} isn't in the table; there are {known}"
    raise RunnerError(message, transient=False)


def _find_increment(
    session: Session, table: str, column: str, watermark: str | None
) -> dict[str, Any] | None:
    """What is new as a batch: above the watermark, through the highest value there is now."""
    ((highest,),) = session.rows("sx_highest", table=table, column=column, above=watermark)
    ends = {"after": watermark, "through": highest}
    batch = {end: value for end, value in ends.items() if value is not None}
    return {"column": column, **batch} if batch else None


def _check_batch(session: Session, batch: Mapping[str, Any], type_: str) -> None:
    """Hold the batch's values to the type of its column, before each check stumbles over them."""
    values = list(_values(batch))
    for value in values:
        if not _fits(value, type_):
            message = (
                f"the batch's {value!r} is no value for the column {batch['column']} ({type_})"
            )
            raise RunnerError(message, transient=False)
    texts = [value for value in values if isinstance(value, str)]
    if not texts or _TEXT.match(type_):
        return
    try:
        session.rows("sx_read_as", texts=texts, type=_without_length(type_))
    except RunnerError as error:
        message = f"the batch's values don't fit the column {batch['column']} ({type_}): {error}"
        raise RunnerError(message, transient=error.transient) from error


def _values(batch: Mapping[str, Any]) -> Iterator[Any]:
    yield from batch.get("values", ())
    yield from (batch[end] for end in ("from", "after", "to", "through") if end in batch)


def _fits(value: Any, type_: str) -> bool:
    """A text may be the written form of anything; a number or a boolean is what it is."""
    if isinstance(value, bool):
        return type_.casefold() == "boolean"
    return isinstance(value, str) or bool(_NUMBER.match(type_))


def _without_length(type_: str) -> str:
    """A value may be longer than the column's type, and is then in no row; that is no mistake."""
    bare = _LENGTH.sub("", type_)
    return "double precision" if bare.casefold() in ("numeric", "decimal") else bare
