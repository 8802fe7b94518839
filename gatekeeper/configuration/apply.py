"""Applying a configuration file: read, checked whole, then stored in one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

import structlog
import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from gatekeeper.catalogue.rule_types import check_parameters
from gatekeeper.configuration.document import ADAPTERS, Document, GateDocument, RuleDocument
from gatekeeper.domain.errors import InvalidConfiguration, Problem
from gatekeeper.domain.gate import Warehouse
from gatekeeper.domain.rule import Rule, RuleType, Severity
from gatekeeper.store.engine import Store
from gatekeeper.store.gates import load_warehouse_names, save_gate, save_warehouse

log = structlog.get_logger(__name__)


class _PlainLoader(yaml.SafeLoader):
    """Leaves dates as the text they are written as, which is what a rule or a batch holds."""


_PlainLoader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


RuleTypes = Mapping[str, RuleType]


def apply_configuration(store: Store, rule_types: RuleTypes, text: str) -> Document:
    """Store every warehouse, gate and rule of the file; what it doesn't name stays as it is.

    Raises InvalidConfiguration with all its problems; then nothing was changed.
    """
    document = parse_document(text)
    with store.transaction() as tx:
        known = load_warehouse_names(tx) | {each.name for each in document.warehouses}
        if problems := list(check_document(document, rule_types, known)):
            raise InvalidConfiguration(problems)
        for each in document.warehouses:
            connection = each.connection.model_dump(exclude_none=True)
            save_warehouse(tx, Warehouse(each.name, each.adapter, connection))
        for gate in document.gates:
            rules = [build_rule(rule, rule_types[rule.type]) for rule in gate.rules]
            save_gate(tx, gate.warehouse, gate.table, gate.description, gate.policy(), rules)
    log.info(
        "configuration applied",
        action="configuration_applied",
        warehouses=len(document.warehouses),
        gates=len(document.gates),
    )
    return document


def parse_document(text: str) -> Document:
    """Read the YAML; raises InvalidConfiguration."""
    try:
        content = yaml.load(text, _PlainLoader)  # noqa: S506 - a safe one
        return Document.model_validate({} if content is None else content)
    except yaml.YAMLError as error:
        raise InvalidConfiguration([Problem("(file)", f"not YAML: {error}")]) from None
    except ValidationError as error:
        raise InvalidConfiguration([_problem(each) for each in error.errors()]) from None


def _problem(error: ErrorDetails) -> Problem:
    """Say where and what, without the names that pydantic gives to the forms of a warehouse."""
    path = ".".join(str(step) for step in error["loc"] if step not in ADAPTERS) or "(file)"
    if error["type"] == "union_tag_invalid":
        known = " or ".join(ADAPTERS)
        return Problem(f"{path}.adapter", f"{error['ctx']['tag']!r} is none; it is {known}")
    return Problem(path, error["msg"])


def check_document(
    document: Document, rule_types: RuleTypes, known_warehouses: Iterable[str]
) -> Iterator[Problem]:
    """Give what is wrong with a document beyond its form."""
    names = [warehouse.name for warehouse in document.warehouses]
    yield from _repeated("warehouses", names)
    yield from _repeated("gates", [f"{gate.warehouse}:{gate.table}" for gate in document.gates])
    for number, gate in enumerate(document.gates):
        path = f"gates.{number}"
        if gate.warehouse not in known_warehouses:
            yield Problem(f"{path}.warehouse", f"no warehouse is called {gate.warehouse!r}")
        yield from _check_gate(gate, rule_types, path)


def _check_gate(gate: GateDocument, rule_types: RuleTypes, path: str) -> Iterator[Problem]:
    yield from _repeated(f"{path}.rules", [rule.name for rule in gate.rules])
    for number, rule in enumerate(gate.rules):
        rule_path = f"{path}.rules.{number}"
        rule_type = rule_types.get(rule.type)
        if rule_type is None:
            known = ", ".join(rule_types)
            yield Problem(f"{rule_path}.type", f"{rule.type!r} is no rule type; there are {known}")
        else:
            yield from _check_thresholds(rule, rule_path)
            yield from check_parameters(rule_type, rule.parameters, f"{rule_path}.parameters")


def _check_thresholds(rule: RuleDocument, path: str) -> Iterator[Problem]:
    if rule.severity is Severity.WARN and "error_above" in rule.model_fields_set:
        yield Problem(
            f"{path}.error_above", "a rule of the severity warn never fails; leave it out"
        )


def _repeated(path: str, names: Iterable[str]) -> Iterator[Problem]:
    for name, times in Counter(names).items():
        if times > 1:
            yield Problem(path, f"{name!r} stands there {times} times; give each its own name")


def build_rule(document: RuleDocument, rule_type: RuleType) -> Rule:
    """Fill in from the rule type what the rule leaves out."""
    return Rule(
        name=document.name,
        type=document.type,
        parameters=document.parameters,
        kind=document.kind,
        dimension=document.dimension or rule_type.dimension,
        entity=rule_type.entity,
        severity=document.severity,
        warn_above=document.warn_above,
        error_above=document.error_above,
        enabled=document.enabled,
        description=document.description,
    )
