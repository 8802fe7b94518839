"""What can be wrong with a configuration beyond its form."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from gatekeeper.catalogue.rule_types import check_parameters
from gatekeeper.configuration.document import Document, RuleDocument
from gatekeeper.domain.errors import Problem
from gatekeeper.domain.rule import RuleType, Severity, Shape

# What fails is a key, or the one thing that was measured of the whole batch.
COUNTS_NO_ROWS = (Shape.KEY, Shape.AGGREGATE)


def check_document(
    document: Document, rule_types: Mapping[str, RuleType], known_warehouses: Iterable[str]
) -> Iterator[Problem]:
    """Give what is wrong with a document beyond its form."""
    names = [warehouse.name for warehouse in document.warehouses]
    yield from _repeated("warehouses", names)
    yield from _repeated("gates", [f"{gate.warehouse}:{gate.table}" for gate in document.gates])
    for number, gate in enumerate(document.gates):
        path = f"gates.{number}"
        if gate.warehouse not in known_warehouses:
            yield Problem(f"{path}.warehouse", f"no warehouse is called {gate.warehouse!r}")
        yield from check_rules(gate.rules, rule_types, f"{path}.rules")


def check_rules(
    rules: Sequence[RuleDocument], rule_types: Mapping[str, RuleType], path: str
) -> Iterator[Problem]:
    """Give what is wrong with the rules of a gate beyond their form."""
    yield from _repeated(path, [rule.name for rule in rules])
    for number, rule in enumerate(rules):
        yield from check_rule(rule, rule_types, f"{path}.{number}")


def check_rule(
    rule: RuleDocument, rule_types: Mapping[str, RuleType], path: str
) -> Iterator[Problem]:
    """Give what is wrong with a rule beyond its form."""
    rule_type = rule_types.get(rule.type)
    if rule_type is None:
        known = ", ".join(rule_types)
        yield Problem(f"{path}.type", f"{rule.type!r} is no rule type; there are {known}")
    else:
        yield from _check_thresholds(rule, rule_type, path)
        yield from check_parameters(rule_type, rule.parameters, f"{path}.parameters")


def _check_thresholds(rule: RuleDocument, rule_type: RuleType, path: str) -> Iterator[Problem]:
    for field in ("warn_above", "error_above"):
        if rule_type.shape in COUNTS_NO_ROWS and getattr(rule, field).endswith("%"):
            reason = f"{rule_type.name} doesn't count rows, so it has no share; give a number"
            yield Problem(f"{path}.{field}", reason)
    if rule.severity is Severity.WARN and "error_above" in rule.model_fields_set:
        yield Problem(
            f"{path}.error_above", "a rule of the severity warn never fails; leave it out"
        )


def _repeated(path: str, names: Iterable[str]) -> Iterator[Problem]:
    for name, times in Counter(names).items():
        if times > 1:
            yield Problem(path, f"{name!r} stands there {times} times; give each its own name")
