"""Templates: which rules they put on which gates.

Decided on documents alone, whenever a configuration is applied. Which columns match a pattern is
left to the run that looks at the table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pydantic import Field

from gatekeeper.catalogue.rule_types import find_column_parameter
from gatekeeper.configuration.document import (
    Document,
    GateDocument,
    Patterns,
    RuleDocument,
    TemplateDocument,
    TemplateName,
)
from gatekeeper.domain.expansion import matches, name_rule
from gatekeeper.domain.rule import RuleType

RuleTypes = Mapping[str, RuleType]


class PlacedRule(RuleDocument):
    """A rule that a template put on a gate, for one thing or for all columns that match."""

    template: TemplateName
    for_columns: Patterns = Field(default_factory=list)


def place(document: Document, rule_types: RuleTypes, stored: Document) -> Document:
    """Give the document with the rules that its templates put on its gates.

    A template that is lost leaves there what it had put there, as it is `stored`.
    """
    before = {gate.key: [*_placed_rules(gate)] for gate in stored.gates}
    gates = [
        _place_on(gate, document.templates, rule_types, before.get(gate.key, []))
        for gate in document.gates
    ]
    return document.model_copy(update={"gates": gates}).sorted()


def without_placed(document: Document) -> Document:
    """Give the document with the gates' own rules alone."""
    return document.model_copy(update={"gates": [_without_placed(each) for each in document.gates]})


def is_lost(template: TemplateDocument, rule_types: RuleTypes) -> bool:
    """Whether its rule type is gone, or no longer takes a column where it should."""
    rule_type = rule_types.get(template.rule.type)
    if rule_type is None:
        return True
    return template.has_columns and find_column_parameter(rule_type) is None


def covers(template: TemplateDocument, gate: GateDocument) -> bool:
    """Whether a gate is one of those that a template is for."""
    return (
        matches(gate.table, template.tables)
        and (not template.warehouses or gate.warehouse in template.warehouses)
        and (not template.tags or _share(template.tags, gate.tags))
        and (not template.column_tags or bool(_tagged_columns(template, gate)))
    )


def _tagged_columns(template: TemplateDocument, gate: GateDocument) -> list[str]:
    return [name for name, tags in gate.column_tags.items() if _share(template.column_tags, tags)]


def _share(some: Sequence[str], others: Sequence[str]) -> bool:
    return not set(some).isdisjoint(others)


def _placed_rules(gate: GateDocument) -> Iterator[PlacedRule]:
    return (rule for rule in gate.rules if isinstance(rule, PlacedRule))


def _without_placed(gate: GateDocument) -> GateDocument:
    own = [rule for rule in gate.rules if not isinstance(rule, PlacedRule)]
    return gate.model_copy(update={"rules": own})


def _place_on(
    gate: GateDocument,
    templates: Sequence[TemplateDocument],
    rule_types: RuleTypes,
    before: Sequence[PlacedRule],
) -> GateDocument:
    placed: list[PlacedRule] = []
    for template in (each for each in templates if covers(each, gate)):
        if is_lost(template, rule_types):
            placed += [rule for rule in before if rule.template == template.name]
        else:
            placed += _build_rules(template, gate, rule_types[template.rule.type])
    own = {rule.name for rule in gate.rules}
    rules = [*gate.rules, *(rule for rule in placed if rule.name not in own)]
    return gate.model_copy(update={"rules": rules})


def _build_rules(
    template: TemplateDocument, gate: GateDocument, rule_type: RuleType
) -> Iterator[PlacedRule]:
    """Give the rules of a gate that matches. Which columns are tagged is known by now; of patterns
    there is one rule, whose column is left open.
    """
    parameter = str(find_column_parameter(rule_type))
    if template.columns:
        yield _build_rule(template, template.name, {parameter: None}, template.columns)
    elif template.column_tags:
        for column in _tagged_columns(template, gate):
            yield _build_rule(template, name_rule(template.name, column), {parameter: column})
    else:
        yield _build_rule(template, template.name, {})


def _build_rule(
    template: TemplateDocument,
    name: str,
    column: Mapping[str, str | None],
    for_columns: Sequence[str] = (),
) -> PlacedRule:
    fields = {
        **dict(template.rule),
        "name": name,
        "parameters": {**template.rule.parameters, **column},
        "template": template.name,
        "for_columns": list(for_columns),
    }
    return PlacedRule(**fields)
