"""An order whose rules stand for columns, expanded to the columns that its table has."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from gatekeeper.domain.expansion import expand, replace_expanded
from gatekeeper.domain.rule import Rule, parse_rule
from gatekeeper.domain.verdict import Measurement


@dataclass(frozen=True)
class Expansion:
    """The order as it is carried out, the rules that some of its own came to, and what is to be
    said of those that came to none.
    """

    order: Mapping[str, Any]
    rules: Sequence[Mapping[str, Any]]
    unmatched: Sequence[Measurement]


def order_to_look(order: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give the order whose project the table is looked at with: a project without rules, where
    these can't be known before.
    """
    return {**order, "rules": []} if _stands_for_columns(order) else order


def expand_order(order: Mapping[str, Any], columns: Sequence[str]) -> Expansion:
    """Put a rule for each column that matches in the place of the rules that stand for them. Its
    project is named after these columns, so that other columns get a project of their own.
    """
    if not _stands_for_columns(order):
        return Expansion(order, (), ())
    rules = [parse_rule(rule) for rule in order["rules"]]
    expanded = expand(rules, columns)
    settled = replace_expanded(rules, expanded)
    carried_out = {
        **order,
        "project": f"{order['project']}-{_hash_names(expanded)}",
        "rules": [asdict(rule) for rule in settled if not rule.for_columns],
    }
    unmatched = [_say_unmatched(rule, columns) for rule in settled if rule.for_columns]
    return Expansion(carried_out, [asdict(rule) for rule in expanded], unmatched)


def _stands_for_columns(order: Mapping[str, Any]) -> bool:
    return any(rule["for_columns"] for rule in order["rules"])


def _hash_names(rules: Sequence[Rule]) -> str:
    names = "\n".join(sorted(rule.name for rule in rules))
    return hashlib.sha256(names.encode()).hexdigest()[:16]


def _say_unmatched(rule: Rule, columns: Sequence[str]) -> Measurement:
    wanted, known = " or ".join(rule.for_columns), ", ".join(columns) or "none"
    return Measurement(rule.name, message=f"no column matches {wanted}; there are {known}")
