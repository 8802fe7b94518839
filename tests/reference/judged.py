"""What a rule type is given: the rows of the batch, and what it may look at beside them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gatekeeper.domain.batch import Batch

Row = Mapping[str, Any]
Parameters = Mapping[str, Any]


@dataclass(frozen=True)
class Judged:
    """A batch of a table. Times are naive and UTC; a value that is missing is None."""

    rows: Sequence[Row]
    whole: Sequence[Row]
    """The rows of the table that the batch is of."""
    types: Mapping[str, str]
    """The table's columns, in their order, with their types as the warehouse writes them."""
    others: Mapping[str, Sequence[Row]]
    batch: Batch | None
    now: datetime
    folds_names: bool
    """Whether the warehouse takes upper and lower case of a name for the same."""


class CannotJudge(Exception):
    """The rule is an error, not a count."""


RuleType = Callable[[Judged, Parameters], int]


def count_rows(fails: Callable[[Row, Parameters], bool]) -> RuleType:
    """A rule type that looks at each row by itself."""
    return lambda judged, parameters: sum(fails(row, parameters) for row in judged.rows)
