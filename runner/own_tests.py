"""The tests of a dbt project as rules, and what each is about."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from dbt.contracts.graph.manifest import Manifest
from dbt.contracts.graph.nodes import GenericTestNode, SingularTestNode, SourceDefinition

from gatekeeper.domain.dbt_tests import dimension_of
from gatekeeper.domain.rule import Dimension, Entity, Kind, Rule, Severity, Threshold

TestNode = GenericTestNode | SingularTestNode
Word = TypeVar("Word", bound=StrEnum)

# No rule of a gate has a dot in its name, so none can be taken for a test.
_PREFIX = "dbt."
_SOURCE = re.compile(r"get_where_subquery\(source\('([^']*)', '([^']*)'\)\)")
_UNLESS_DEFAULT = {"where": None, "limit": None, "fail_calc": "count(*)"}


@dataclass(frozen=True)
class Subject:
    """The table that a test is attached to, as SQL names it; None where that is no one table."""

    relation: str | None
    schema: str = ""
    name: str = ""

    def is_table(self, table: str) -> bool:
        """Whether it is that one."""
        return f"{self.schema}.{self.name}".casefold() == table.casefold()


def find_tests(manifest: Manifest) -> list[TestNode]:
    """Give a project's data tests."""
    return [
        node
        for node in manifest.nodes.values()
        if isinstance(node, GenericTestNode | SingularTestNode)
    ]


def find_subject(manifest: Manifest, node: TestNode) -> Subject:
    """Give what a test is about."""
    if not isinstance(node, GenericTestNode):
        return Subject(None)
    if source := _find_source(manifest, node):
        return Subject(source.relation_name, source.schema, source.identifier)
    attached = manifest.nodes.get(node.attached_node or "")
    if attached is None or attached.relation_name is None:
        return Subject(None)
    return Subject(attached.relation_name, attached.schema, attached.alias)


def _find_source(manifest: Manifest, node: GenericTestNode) -> SourceDefinition | None:
    """Give the source that a test is attached to; dbt says so only in the test's own argument."""
    named = _SOURCE.search(str(node.test_metadata.kwargs.get("model", "")))
    sources = [manifest.sources[id_] for id_ in node.depends_on.nodes if id_ in manifest.sources]
    found = [each for each in sources if named and (each.source_name, each.name) == named.groups()]
    return found[0] if found else None


def build_rule(node: TestNode, project: str) -> Rule:
    """Give a test as a rule: what dbt knows of it, and what its `meta` says for us."""
    package = "" if node.package_name == project else f"{node.package_name}."
    meta = {**node.meta, **node.config.meta}
    column = getattr(node, "column_name", None)
    return Rule(
        name=f"{_PREFIX}{package}{node.name}",
        type=_type_of(node),
        parameters=_parameters(node),
        kind=_word(Kind, meta.get("kind"), Kind.ENGINEERING),
        dimension=_word(Dimension, meta.get("dimension"), dimension_of(_test_of(node))),
        entity=Entity.COLUMN if column else Entity.TABLE,
        severity=Severity(node.config.severity.lower()),
        warn_above=_threshold(node.config.warn_if),
        error_above=_threshold(node.config.error_if),
        description=node.description,
        owner=str(meta.get("owner", "")),
        columns=(column,) if column else (),
    )


def _test_of(node: TestNode) -> str:
    return node.test_metadata.name if isinstance(node, GenericTestNode) else "singular"


def _type_of(node: TestNode) -> str:
    """Its name as it is called in YAML; a singular test is one of a kind."""
    namespace = node.test_metadata.namespace if isinstance(node, GenericTestNode) else None
    return f"{namespace}.{_test_of(node)}" if namespace else _test_of(node)


def _parameters(node: TestNode) -> dict[str, Any]:
    """Its arguments, and what of its configuration says what is counted."""
    config = {
        name: getattr(node.config, name)
        for name, default in _UNLESS_DEFAULT.items()
        if getattr(node.config, name) != default
    }
    if isinstance(node, SingularTestNode):
        return {"file": node.original_file_path, **config}
    given: Mapping[str, Any] = node.test_metadata.kwargs
    return {**{name: value for name, value in given.items() if name != "model"}, **config}


def _word(words: type[Word], given: object, default: Word) -> Word:
    """One of our words where `meta` gives one."""
    return next((word for word in words if word.value == given), default)


def _threshold(condition: str) -> Threshold:
    """A condition of dbt's in our words where we have some: `> 10` is above 10."""
    operator, _, number = condition.strip().partition(" ")
    if number.isdigit() and operator == ">":
        return Threshold(number)
    if number.isdigit() and operator == ">=" and int(number) > 0:
        return Threshold(str(int(number) - 1))
    return Threshold("0" if condition.strip() == "!= 0" else condition)
