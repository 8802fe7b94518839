"""Expansion: a rule that stands for columns becomes a rule for each column that matches.

Which columns there are is only known where the table is looked at. Case doesn't count in a pattern.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from gatekeeper.domain.rule import Rule

COLUMN_PARAMETERS = ("column_name", "column")
"""What takes the one column of a rule: the first in dbt's generic tests, the second in our own."""

MAX_RULE_NAME = 63
MAX_TEMPLATE_NAME = 40
_DIGITS = 12

_PLAIN = re.compile(r"[a-z0-9_]+")
# How a name ends that was shortened or respelled; so a column that is called like one is, too.
_RESPELLED = re.compile(rf"__[0-9a-f]{{{_DIGITS}}}\Z")


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Whether a name matches one of these patterns."""
    return any(fnmatchcase(name.casefold(), pattern.casefold()) for pattern in patterns)


def name_rule(template: str, column: str) -> str:
    """Name a template's rule for a column, within what a rule may be called.

    No two columns share a name, and no two templates: a template's name holds no double underscore.
    """
    room = MAX_RULE_NAME - len(template) - 2
    if _PLAIN.fullmatch(column) and len(column) <= room and not _RESPELLED.search(column):
        return f"{template}__{column}"
    digest = hashlib.sha256(column.encode()).hexdigest()[:_DIGITS]
    readable = re.sub(r"[^a-z0-9]+", "_", column.lower())[: room - _DIGITS - 2]
    return f"{template}__{readable}__{digest}"


def expand(rules: Iterable[Rule], columns: Sequence[str]) -> list[Rule]:
    """Give what the enabled rules that stand for columns come to, one rule for each column."""
    return [
        _at_column(rule, column)
        for rule in rules
        if rule.enabled
        for column in columns
        if matches(column, rule.for_columns)
    ]


def _at_column(rule: Rule, column: str) -> Rule:
    parameter = next(name for name in COLUMN_PARAMETERS if name in rule.parameters)
    return replace(
        rule,
        name=name_rule(rule.template, column),
        parameters={**rule.parameters, parameter: column},
        columns=tuple(dict.fromkeys((column, *rule.columns))),
        for_columns=(),
    )


def replace_expanded(rules: Sequence[Rule], expanded: Sequence[Rule]) -> list[Rule]:
    """Give the rules with what they were expanded to in their place; one that came to nothing
    stays. Where a rule of the set has the name of an expanded one, it is the one that counts.
    """
    templates = {rule.template for rule in expanded}
    names = {rule.name for rule in rules}
    return [
        *(rule for rule in rules if not rule.for_columns or rule.template not in templates),
        *(rule for rule in expanded if rule.name not in names),
    ]
