"""Rules that are proposed: checked and built as applying them would, and not applied."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from gatekeeper.configuration.apply import build_rule
from gatekeeper.configuration.check import check_rule, check_rules
from gatekeeper.configuration.document import RuleDocument
from gatekeeper.configuration.text import check_storable
from gatekeeper.domain.errors import InvalidConfiguration, Problem
from gatekeeper.domain.rule import RuleSet, RuleType, build_rule_set

RuleTypes = Mapping[str, RuleType]


def propose_rule(rule: RuleDocument, rule_types: RuleTypes, path: str) -> RuleSet:
    """Give a rule set of this rule alone, enabled whatever it says: there is nothing else to try.

    Raises InvalidConfiguration with all that is wrong with it.
    """
    problems = [
        *check_rule(rule, rule_types, path),
        *check_storable(rule.parameters, f"{path}.parameters"),
    ]
    return _build([rule.model_copy(update={"enabled": True})], rule_types, problems)


def propose_rules(rules: Sequence[RuleDocument], rule_types: RuleTypes, path: str) -> RuleSet:
    """Give the rule set that a gate would have.

    Raises InvalidConfiguration with all that is wrong with it.
    """
    return _build(rules, rule_types, list(_check(rules, rule_types, path)))


def _check(rules: Sequence[RuleDocument], rule_types: RuleTypes, path: str) -> Iterator[Problem]:
    yield from check_rules(rules, rule_types, path)
    for number, rule in enumerate(rules):
        yield from check_storable(rule.parameters, f"{path}.{number}.parameters")
    if not any(rule.enabled for rule in rules):
        yield Problem(path, "no rule is enabled, so nothing would be judged; enable one")


def _build(
    rules: Sequence[RuleDocument], rule_types: RuleTypes, problems: list[Problem]
) -> RuleSet:
    if problems:
        raise InvalidConfiguration(problems)
    return build_rule_set([build_rule(rule, rule_types[rule.type]) for rule in rules])
