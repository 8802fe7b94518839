"""What each rule set of a gate changed against the one before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gatekeeper.configuration.changes import Change, compare_rules
from gatekeeper.configuration.document import RuleDocument
from gatekeeper.configuration.export import rule_document
from gatekeeper.domain.gate import StoredRuleSet
from gatekeeper.domain.rule import RuleType


def compare_rule_sets(
    oldest_first: Iterable[StoredRuleSet], rule_types: Mapping[str, RuleType]
) -> list[tuple[StoredRuleSet, list[Change]]]:
    """Give each with its changes, the newest first."""
    compared = []
    before: list[RuleDocument] = []
    for stored in oldest_first:
        after = [rule_document(rule, rule_types) for rule in stored.rule_set.rules]
        compared.append((stored, compare_rules(before, after)))
        before = after
    return compared[::-1]
