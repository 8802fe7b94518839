"""Schema drift: how a table differs from what it was when its rule set was first judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Columns = Mapping[str, str]
"""Types by column, both as the warehouse writes them."""


def find_drift(remembered: Columns, found: Columns) -> dict[str, str]:
    """Say of each column that is gone or has another type what became of it; new ones are none."""
    return {
        column: _say(column, was, found.get(column))
        for column, was in remembered.items()
        if found.get(column) != was
    }


def _say(column: str, was: str, now: str | None) -> str:
    if now is None:
        return f"the column {column} ({was}) is gone"
    return f"the column {column} was {was} and is {now} now"


def drifted(columns: Sequence[str], drift: Mapping[str, str]) -> str:
    """Say which of these columns drifted, and the remedy; nothing where none did.

    A name that the warehouse doesn't know as it is written may differ from it in case alone.
    """
    by_form = {column.casefold(): said for column, said in drift.items()}
    said = {drift.get(column) or by_form.get(column.casefold(), "") for column in columns} - {""}
    if not said:
        return ""
    remedy = "if that is meant, forget the gate's columns"
    return f"{'; '.join(sorted(said))}, since its rules were first judged; {remedy}"
