"""Rules, their types, and rule sets: the immutable version of a gate's rules that a run names."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, NewType


class Kind(StrEnum):
    """Whose rule it is."""

    ENGINEERING = "engineering"
    BUSINESS = "business"


class Dimension(StrEnum):
    """The data-quality dimension that a rule speaks for."""

    COMPLETENESS = "completeness"
    VALIDITY = "validity"
    ACCURACY = "accuracy"
    CONSISTENCY = "consistency"
    UNIQUENESS = "uniqueness"
    TIMELINESS = "timeliness"


class Entity(StrEnum):
    """What a rule type judges."""

    TABLE = "table"
    COLUMN = "column"
    ROW = "row"
    DATASET = "dataset"


class Shape(StrEnum):
    """How a rule type runs on the warehouse."""

    ROW = "row"
    AGGREGATE = "aggregate"
    KEY = "key"
    QUERY = "query"


class Severity(StrEnum):
    """What a failing check costs; dbt's words."""

    WARN = "warn"
    ERROR = "error"


Threshold = NewType("Threshold", str)
"""How many failing rows are too many: more than so many ("10"), or than so much of the rows tested
("1.5%"). What it may look like is held to THRESHOLD_PATTERN at the edge."""

THRESHOLD_PATTERN = r"^(0|[1-9][0-9]{0,11}|(100|[0-9]{1,2}(\.[0-9]{1,6})?)%)$"
NO_ROW = Threshold("0")


@dataclass(frozen=True)
class RuleType:
    """A dbt generic test that rules may name. `parameters` is a JSON Schema (2020-12).

    The SQL of a `trusted` one is the operator's own, and takes values as they are: whoever may
    write such a rule may run SQL of their own.
    """

    name: str
    description: str
    dimension: Dimension
    entity: Entity
    shape: Shape
    parameters: Mapping[str, Any]
    example: Mapping[str, Any]
    trusted: bool = False


@dataclass(frozen=True)
class Rule:
    """A stored definition. `name` is unique in its gate and, being a safe identifier, the only
    part of a rule that is ever written into a dbt project. A check warns above `warn_above`; where
    the severity is `error` it fails above `error_above`. `owner` is who looks after the rule,
    `columns` are the columns of the gate's table that it names. `template` is what put it on the
    gate. One with `for_columns` stands for every column that matches these patterns: the parameter
    that takes the column is None until the rule is expanded.
    """

    name: str
    type: str
    parameters: Mapping[str, Any]
    kind: Kind
    dimension: Dimension
    entity: Entity
    severity: Severity
    warn_above: Threshold = NO_ROW
    error_above: Threshold = NO_ROW
    enabled: bool = True
    description: str = ""
    owner: str = ""
    columns: tuple[str, ...] = ()
    template: str = ""
    for_columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class RuleSet:
    """An immutable version of a gate's rules, named by the hash of its content."""

    hash: str
    rules: tuple[Rule, ...]

    @property
    def can_judge(self) -> bool:
        """Whether there is a rule to judge by."""
        return any(rule.enabled for rule in self.rules)


def build_rule_set(rules: Sequence[Rule]) -> RuleSet:
    """Name the rules by the SHA-256 of their canonical JSON; order doesn't matter."""
    ordered = tuple(sorted(rules, key=lambda rule: rule.name))
    content = json.dumps(
        [render_rule(rule) for rule in ordered], sort_keys=True, separators=(",", ":")
    )
    return RuleSet(hash=hashlib.sha256(content.encode()).hexdigest(), rules=ordered)


def select_rules(rules: Sequence[Rule], names: Collection[str] | None) -> list[Rule]:
    """Give the rules of these names; without names all of them."""
    return [rule for rule in rules if names is None or rule.name in names]


def render_rule(rule: Rule) -> dict[str, Any]:
    """Give a rule as plain data. What only a template's rule has is left out of any other: so these
    keep their rule sets' hashes, and a release that knows no templates reads them.
    """
    of_templates = ("template", "for_columns")
    return {
        name: value for name, value in asdict(rule).items() if value or name not in of_templates
    }


def parse_rule(content: Mapping[str, Any]) -> Rule:
    """Read a rule back from plain data."""
    return Rule(
        **{
            **content,
            "kind": Kind(content["kind"]),
            "dimension": Dimension(content["dimension"]),
            "entity": Entity(content["entity"]),
            "severity": Severity(content["severity"]),
            # Rule sets that were stored before rules knew their columns have none.
            "columns": tuple(content.get("columns", ())),
            "for_columns": tuple(content.get("for_columns", ())),
        }
    )
