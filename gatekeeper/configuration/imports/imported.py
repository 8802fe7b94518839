"""What an import gives: a document of the rules that mean the same here, and what was left out.

A mapper takes the arguments of a foreign rule one by one. One that nobody took has a meaning that
would be lost, so the rule is not mapped: nothing is approximated in silence.
"""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeGuard

from pydantic import ValidationError

from gatekeeper.configuration.check import check_document
from gatekeeper.configuration.document import Document, GateDocument, RuleDocument
from gatekeeper.domain.errors import InvalidConfiguration, Problem
from gatekeeper.domain.rule import Dimension, Kind, RuleType, Severity

NAME_LENGTH = 63


@dataclass(frozen=True)
class Unmapped:
    """Something of the file that has no rule here, and the reason."""

    what: str
    why: str

    def __str__(self) -> str:
        """Give it in one line."""
        return " ".join(f"{self.what}: {self.why}".split())


@dataclass(frozen=True)
class Imported:
    """A document to look through and apply, and what it leaves out."""

    document: Document
    unmapped: tuple[Unmapped, ...]


class Unfaithful(Exception):
    """A foreign rule has no counterpart that means the same; the message says why."""


@dataclass(frozen=True)
class Draft:
    """What a foreign rule comes to here, before it has a name and a severity. Where `above` is
    given, so much may fail and cost nothing, not even a warning.
    """

    type: str
    columns: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    above: str | None = None

    def thresholds(self, severity: object) -> dict[str, str]:
        """The thresholds that `above` makes; a rule of the severity warn has but one."""
        if self.above is None:
            return {}
        failing = {} if severity == Severity.WARN else {"error_above": self.above}
        return {"warn_above": self.above, **failing}


class Arguments:
    """The arguments of a foreign rule, each to be taken once. None is the same as left out."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self._left = {name: value for name, value in content.items() if value is not None}

    def take(self, name: str, default: Any = None) -> Any:
        """Take whatever it is."""
        return self._left.pop(name, default)

    def text(self, name: str) -> str:
        """Take a text that must be there."""
        value = self.take(name)
        if not isinstance(value, str) or not value:
            raise Unfaithful(f"its {name} is no text")
        return value

    def texts(self, name: str) -> list[str]:
        """Take a list of different texts that must be there."""
        value = self.take(name)
        if not isinstance(value, list) or not value:
            raise Unfaithful(f"its {name} is no list of names")
        if not all(isinstance(each, str) and each for each in value):
            raise Unfaithful(f"its {name} holds something that is no name")
        if len(set(value)) < len(value):
            raise Unfaithful(f"its {name} names something twice")
        return value

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Take a true or false."""
        value = self.take(name, default)
        if not isinstance(value, bool):
            raise Unfaithful(f"its {name} is neither true nor false")
        return value

    def number(self, name: str) -> int | float | None:
        """Take a number, where there is one."""
        value = self.take(name)
        if value is None or is_number(value):
            return value
        raise Unfaithful(f"its {name} is no number")

    def count(self, name: str) -> int | None:
        """Take a whole number, where there is one."""
        value = self.number(name)
        if isinstance(value, float):
            raise Unfaithful(f"its {name} is no whole number")
        return value

    def values(self, name: str) -> list[Any]:
        """Take a list of plain values of one sort: texts, numbers, or true and false."""
        value = self.take(name)
        if not isinstance(value, list) or not value:
            raise Unfaithful(f"its {name} is no list of values")
        sorts = {_sort(each) for each in value}
        if len(sorts) > 1 or None in sorts:
            raise Unfaithful(f"its {name} holds more than texts alone, or numbers alone")
        return value

    def left(self) -> list[str]:
        """Name the arguments that nobody took."""
        return list(self._left)


def _sort(value: Any) -> str | None:
    if isinstance(value, bool | str):
        return type(value).__name__
    return "number" if is_number(value) else None


def is_number(value: Any) -> TypeGuard[int | float]:
    """Whether it is a finite number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def given(**parameters: Any) -> dict[str, Any]:
    """The parameters that are not None."""
    return {name: value for name, value in parameters.items() if value is not None}


def read_words(meta: Any) -> dict[str, str]:
    """The kind and the dimension that a foreign rule's meta gives, where they are our words."""
    if not isinstance(meta, Mapping):
        return {}
    known = {"kind": [str(word) for word in Kind], "dimension": [str(word) for word in Dimension]}
    return {name: meta[name] for name, words in known.items() if meta.get(name) in words}


def percent(share: Decimal) -> int | float:
    """A share as a percentage: 95 for 0.95."""
    hundredfold = 100 * share
    whole = hundredfold == hundredfold.to_integral_value()
    return int(hundredfold) if whole else float(hundredfold)


def build_rules(
    drafts: Iterable[Draft], terms: Mapping[str, Any], taken: set[str]
) -> list[RuleDocument]:
    """Give the drafts names that are free in the gate, and put the terms (severity, thresholds,
    description) on each. Raises Unfaithful where a rule can't hold them; then no name is taken.
    """
    rules: list[RuleDocument] = []
    for draft in drafts:
        name = _free_name(draft, {*taken, *(rule.name for rule in rules)})
        content = {"name": name, "type": draft.type, "parameters": dict(draft.parameters)}
        thresholds = draft.thresholds(terms.get("severity"))
        try:
            rules.append(RuleDocument.model_validate({**content, **terms, **thresholds}))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(step) for step in first["loc"])
            raise Unfaithful(f"{where}: {first['msg']}") from None
    taken.update(rule.name for rule in rules)
    return rules


def _free_name(draft: Draft, taken: set[str]) -> str:
    written = "_".join([draft.type, *draft.columns]).lower()
    name = re.sub(r"[^a-z0-9_]+", "_", written).rstrip("_")
    for number in itertools.count(1):
        suffix = "" if number == 1 else f"_{number}"
        candidate = name[: NAME_LENGTH - len(suffix)] + suffix
        if candidate not in taken:
            break
    return candidate


def build_gate(warehouse: str, table: str, rules: list[RuleDocument]) -> GateDocument:
    """Make the gate of a table; raises InvalidConfiguration where the table's name is none."""
    try:
        return GateDocument(warehouse=warehouse, table=table, rules=rules)
    except ValidationError:
        raise InvalidConfiguration(
            [Problem("table", f"{table!r} is no table; name it as schema.table")]
        ) from None


def confirm(imported: Imported, rule_types: Mapping[str, RuleType]) -> Imported:
    """Leave out, with the reason, what `apply` would refuse."""
    refused: list[Unmapped] = []
    gates = []
    for gate in imported.document.gates:
        problems = {rule.name: list(_problems(gate, rule, rule_types)) for rule in gate.rules}
        refused += [
            Unmapped(f"{gate.table} {name}", "; ".join(found))
            for name, found in problems.items()
            if found
        ]
        rules = [rule for rule in gate.rules if not problems[rule.name]]
        gates += [gate.model_copy(update={"rules": rules})] if rules else []
    return Imported(Document(gates=gates), (*imported.unmapped, *refused))


def _problems(
    gate: GateDocument, rule: RuleDocument, rule_types: Mapping[str, RuleType]
) -> Iterator[str]:
    alone = Document(gates=[gate.model_copy(update={"rules": [rule]})])
    for problem in check_document(alone, rule_types, [gate.warehouse]):
        yield str(problem).removeprefix("gates.0.rules.0.")


def parse_json(content: bytes) -> Any:
    """Read a JSON file; raises InvalidConfiguration."""
    try:
        parsed = json.loads(content)
        # Half of a surrogate pair can be written in JSON, and nowhere else.
        json.dumps(parsed, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise InvalidConfiguration([Problem("(file)", f"not JSON: {error}")]) from None
    return parsed
