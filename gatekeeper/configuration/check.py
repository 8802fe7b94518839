"""What can be wrong with a configuration beyond its form."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

from gatekeeper.catalogue.rule_types import check_parameters, find_column_parameter
from gatekeeper.configuration.document import (
    REFERENCE,
    Document,
    RuleBody,
    RuleDocument,
    TemplateDocument,
)
from gatekeeper.domain.errors import Problem
from gatekeeper.domain.rule import RuleType, Severity, Shape

# What fails is a key, or the one thing that was measured of the whole batch.
COUNTS_NO_ROWS = (Shape.KEY, Shape.AGGREGATE)

# For any column: which there are is only known to a run.
STAND_IN = "column"


def check_document(
    document: Document, rule_types: Mapping[str, RuleType], known_warehouses: Iterable[str]
) -> Iterator[Problem]:
    """Give what is wrong with a document beyond its form."""
    known_warehouses = set(known_warehouses)
    names = [warehouse.name for warehouse in document.warehouses]
    yield from _repeated("warehouses", names)
    yield from _repeated("templates", [template.name for template in document.templates])
    for number, template in enumerate(document.templates):
        yield from _check_template(template, rule_types, known_warehouses, f"templates.{number}")
    yield from _repeated("gates", [f"{gate.warehouse}:{gate.table}" for gate in document.gates])
    for number, gate in enumerate(document.gates):
        path = f"gates.{number}"
        if gate.warehouse not in known_warehouses:
            yield _unknown_warehouse(gate.warehouse, f"{path}.warehouse")
        yield from check_rules(gate.rules, rule_types, f"{path}.rules")


def check_watches(document: Document) -> Iterator[Problem]:
    """Give the gates that wait for change events of a table whose name in them can't be told."""
    databases = {each.name: each.connection for each in document.warehouses}
    for gate in document.gates:
        watch = gate.watch
        if watch is None or watch.window_seconds is None or watch.changes_of is not None:
            continue
        database = getattr(databases.get(gate.warehouse), "database", None)
        if database is None or re.match(REFERENCE, database):
            yield Problem(
                f"gates.{':'.join(gate.key)}.watch.changes_of",
                "write the table's name in its change events, as database.schema.table: the "
                "warehouse's own database is a reference, or has no name",
            )


def _unknown_warehouse(name: str, path: str) -> Problem:
    return Problem(path, f"no warehouse is called {name!r}")


def _check_template(
    template: TemplateDocument,
    rule_types: Mapping[str, RuleType],
    known_warehouses: Container[str],
    path: str,
) -> Iterator[Problem]:
    for name in template.warehouses:
        if name not in known_warehouses:
            yield _unknown_warehouse(name, f"{path}.warehouses")
    rule, rule_type = template.rule, rule_types.get(template.rule.type)
    if template.has_columns and rule_type is not None:
        parameter = find_column_parameter(rule_type)
        if parameter is None:
            reason = f"{rule_type.name} has no parameter that takes one column; leave columns out"
            yield Problem(path, reason)
            return
        if parameter in rule.parameters:
            reason = "the template puts each column there; leave it out"
            yield Problem(f"{path}.rule.parameters.{parameter}", reason)
        filled_in = {**rule.parameters, parameter: STAND_IN}
        rule = rule.model_copy(update={"parameters": filled_in})
    yield from check_rule(rule, rule_types, f"{path}.rule")


def check_rules(
    rules: Sequence[RuleDocument], rule_types: Mapping[str, RuleType], path: str
) -> Iterator[Problem]:
    """Give what is wrong with the rules of a gate beyond their form."""
    yield from _repeated(path, [rule.name for rule in rules])
    for number, rule in enumerate(rules):
        yield from check_rule(rule, rule_types, f"{path}.{number}")


def check_rule(rule: RuleBody, rule_types: Mapping[str, RuleType], path: str) -> Iterator[Problem]:
    """Give what is wrong with a rule beyond its form."""
    rule_type = rule_types.get(rule.type)
    if rule_type is None:
        known = ", ".join(rule_types)
        yield Problem(f"{path}.type", f"{rule.type!r} is no rule type; there are {known}")
    else:
        yield from _check_thresholds(rule, rule_type, path)
        yield from check_parameters(rule_type, rule.parameters, f"{path}.parameters")


def _check_thresholds(rule: RuleBody, rule_type: RuleType, path: str) -> Iterator[Problem]:
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
