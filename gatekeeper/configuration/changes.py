"""What applying a configuration would change: worked out on documents alone, before anything is.

First the file is merged into what is stored, by the mode for what it doesn't name; then the two
are compared, down to the single rule.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from pydantic import BaseModel

from gatekeeper.configuration.document import (
    Document,
    GateDocument,
    RuleDocument,
    TemplateDocument,
)
from gatekeeper.domain.gate import Mode

T = TypeVar("T", bound=BaseModel)


class Absent(StrEnum):
    """What becomes of the stored things that a file doesn't name."""

    KEEP = "keep"
    DISABLE = "disable"
    DELETE = "delete"


class Action(StrEnum):
    """What happens to a thing."""

    ADD = "add"
    CHANGE = "change"
    REMOVE = "remove"


@dataclass(frozen=True)
class Change:
    """One thing that is added, changed or removed. `before` and `after` hold only the fields that
    differ; those that are the default don't stand there.
    """

    action: Action
    path: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]


def merge(stored: Document, wanted: Document, absent: Absent) -> Document:
    """Give the configuration as it will be."""
    gates = {gate.key: gate for gate in stored.gates}
    merged_gates = [_merge_gate(gates.pop(gate.key, None), gate, absent) for gate in wanted.gates]
    warehouses = {each.name: each for each in stored.warehouses}
    for warehouse in wanted.warehouses:
        warehouses.pop(warehouse.name, None)
    left = [] if absent is Absent.DELETE else list(warehouses.values())
    return Document(
        warehouses=[*wanted.warehouses, *left],
        templates=_merge_templates(stored, wanted, absent),
        gates=[*merged_gates, *_absent_gates(list(gates.values()), absent)],
    ).sorted()


def _merge_templates(stored: Document, wanted: Document, absent: Absent) -> list[TemplateDocument]:
    named = {template.name for template in wanted.templates}
    left = [template for template in stored.templates if template.name not in named]
    return [*wanted.templates, *_absent_templates(left, absent)]


def _absent_templates(
    templates: Sequence[TemplateDocument], absent: Absent
) -> list[TemplateDocument]:
    if absent is Absent.DELETE:
        return []
    if absent is Absent.DISABLE:
        return [
            each.model_copy(update={"rule": each.rule.model_copy(update={"enabled": False})})
            for each in templates
        ]
    return list(templates)


def _merge_gate(stored: GateDocument | None, wanted: GateDocument, absent: Absent) -> GateDocument:
    named = {rule.name for rule in wanted.rules}
    left = [rule for rule in stored.rules if rule.name not in named] if stored else []
    return wanted.model_copy(update={"rules": [*wanted.rules, *_absent_rules(left, absent)]})


def _absent_gates(gates: Sequence[GateDocument], absent: Absent) -> list[GateDocument]:
    if absent is Absent.DELETE:
        return []
    if absent is Absent.DISABLE:
        return [gate.model_copy(update={"mode": Mode.OFF}) for gate in gates]
    return list(gates)


def _absent_rules(rules: Sequence[RuleDocument], absent: Absent) -> list[RuleDocument]:
    if absent is Absent.DELETE:
        return []
    if absent is Absent.DISABLE:
        return [rule.model_copy(update={"enabled": False}) for rule in rules]
    return list(rules)


def compare(before: Document, after: Document) -> list[Change]:
    """Give every difference, in the order of the documents' own sorting."""
    before, after = before.sorted(), after.sorted()
    return [
        *_compare("warehouses", before.warehouses, after.warehouses, lambda each: each.name),
        *_compare("templates", before.templates, after.templates, lambda each: each.name),
        *_compare_gates(before.gates, after.gates),
    ]


def compare_rules(before: Sequence[RuleDocument], after: Sequence[RuleDocument]) -> list[Change]:
    """Give what differs between two sets of rules."""
    return list(_compare("rules", before, after, lambda rule: rule.name))


def _compare_gates(
    before: Sequence[GateDocument], after: Sequence[GateDocument]
) -> Iterator[Change]:
    yield from _compare("gates", before, after, lambda gate: ":".join(gate.key), {"rules"})
    earlier = {gate.key: gate for gate in before}
    for gate in after:
        rules = earlier[gate.key].rules if gate.key in earlier else []
        path = f"gates.{':'.join(gate.key)}.rules"
        yield from _compare(path, rules, gate.rules, lambda rule: rule.name)


def _compare(
    path: str,
    before: Sequence[T],
    after: Sequence[T],
    name: Callable[[T], Hashable],
    without: set[str] | None = None,
) -> Iterator[Change]:
    earlier = {name(each): _fields(each, without) for each in before}
    later = {name(each): _fields(each, without) for each in after}
    for key in [*later, *(key for key in earlier if key not in later)]:
        old, new = earlier.get(key), later.get(key)
        if old is None:
            yield Change(Action.ADD, f"{path}.{key}", {}, new or {})
        elif new is None:
            yield Change(Action.REMOVE, f"{path}.{key}", old, {})
        elif old != new:
            differing = [field for field in {**old, **new} if old.get(field) != new.get(field)]
            yield Change(
                Action.CHANGE,
                f"{path}.{key}",
                {field: old[field] for field in differing if field in old},
                {field: new[field] for field in differing if field in new},
            )


def _fields(thing: BaseModel, without: set[str] | None) -> dict[str, Any]:
    return thing.model_dump(mode="json", exclude_defaults=True, exclude=without)
