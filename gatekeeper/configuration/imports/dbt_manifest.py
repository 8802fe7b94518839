"""Rules from the generic tests of a dbt project, read from its manifest.json."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

from gatekeeper.configuration.document import ADAPTERS, Document, RuleDocument
from gatekeeper.configuration.imports.imported import (
    Arguments,
    Draft,
    Imported,
    Unfaithful,
    Unmapped,
    build_gate,
    build_rules,
    given,
    is_number,
    percent,
    read_words,
)
from gatekeeper.domain.errors import InvalidConfiguration, Problem
from gatekeeper.domain.rule import NO_ROW, Severity

_SCHEMA_VERSION = "/manifest/v12.json"
_RELATIONS = ("model", "source", "seed", "snapshot")
_TEXT_TYPES = ("text", "varchar", "char", "character", "string", "bpchar")

_CONDITION = re.compile(r"\s*(>=|>|!=|<>)\s*([0-9]{1,12})\s*")
_REFERENCE = re.compile(r"\b(ref|source)\(([^()]*)\)")
_ONLY_REFERENCE = re.compile(r"\s*(\{\{)?\s*(ref|source)\([^()]*\)\s*(\}\})?\s*")
_QUOTED_NAME = re.compile(r'"((?:[^"]|"")+)"')
_PLAIN_NAME = re.compile(r"[^\W\d][\w$]*")
_QUOTED_TEXT = re.compile(r"'([^'\\]*)'")
_JINJA = re.compile(r"\{[{%#]")
_NUMBER_OR_TIME = re.compile(r"[-+.0-9][-+.:0-9eETZ ]*")

Node = Mapping[str, Any]


@dataclass(frozen=True)
class _Project:
    """What a test is read against: every relation by its id, the adapter, and which databases
    have a table of the same name.
    """

    relations: Mapping[str, Node]
    adapter: str
    databases: Mapping[str, set[str]]


@dataclass(frozen=True)
class _Test:
    """A generic test, what it is on, and how it fails."""

    node: Node
    on: Node
    project: _Project
    terms: Mapping[str, Any]

    def identifier(self, written: str) -> str:
        """A column's name as the warehouse has it."""
        return _identifier(written, self.project.adapter)


Mapper = Callable[[Arguments, _Test], list[Draft]]


def import_manifest(manifest: dict[str, Any], warehouse: str) -> Imported:
    """Make gates of a project's generic tests; raises InvalidConfiguration for no manifest."""
    nodes, project = _parse_manifest(manifest)
    rules: dict[str, list[RuleDocument]] = defaultdict(list)
    unmapped = []
    for unique_id in sorted(nodes):
        node = nodes[unique_id]
        if node.get("resource_type") != "test" or _part(node, "config").get("enabled") is False:
            continue
        try:
            test = _read_test(node, project)
            table = _table(test.on, project)
            taken = {rule.name for rule in rules.get(table, ())}
            rules[table] += build_rules(_map(test), test.terms, taken)
        except Unfaithful as reason:
            unmapped.append(Unmapped(unique_id, str(reason)))
    gates = [build_gate(warehouse, table, rules[table]) for table in sorted(rules) if rules[table]]
    return Imported(Document(gates=gates), tuple(unmapped))


def _part(content: Any, name: str) -> Mapping[str, Any]:
    """A mapping within one; an empty one where it isn't there."""
    part = content.get(name) if isinstance(content, Mapping) else None
    return part if isinstance(part, Mapping) else {}


def _parse_manifest(manifest: Any) -> tuple[dict[str, Node], _Project]:
    metadata = _part(manifest, "metadata")
    version = str(metadata.get("dbt_schema_version"))
    if not version.endswith(_SCHEMA_VERSION):
        found = version.rpartition("/dbt/")[2] if "/manifest/" in version else "something else"
        reason = f"no manifest.json of version 12 (dbt from 1.8 on), but {found}"
        raise InvalidConfiguration([Problem("(file)", reason)])
    everything = {**_part(manifest, "nodes"), **_part(manifest, "sources")}
    if problems := [
        Problem(unique_id, "no node; one is a mapping")
        for unique_id, node in everything.items()
        if not isinstance(node, dict)
    ]:
        raise InvalidConfiguration(problems)
    relations = {key: each for key, each in everything.items() if _is_relation(each)}
    adapter = str(metadata.get("adapter_type"))
    return everything, _Project(relations, adapter, _databases(relations, adapter))


def _is_relation(node: Node) -> bool:
    return (
        node.get("resource_type") in _RELATIONS
        and _part(node, "config").get("materialized") != "ephemeral"
        and all(isinstance(part, str) for part in _place(node))
    )


def _place(node: Node) -> tuple[Any, Any]:
    return node.get("schema"), node.get("identifier") or node.get("alias")


def _databases(relations: Mapping[str, Node], adapter: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for node in relations.values():
        found[_full_name(node, adapter)].add(str(node.get("database")))
    return found


def _full_name(node: Node, adapter: str) -> str:
    """The relation as schema.table, in the case in which the warehouse has it."""
    rendered = str(node.get("relation_name") or "")
    parts = [
        _fold(part, adapter) if rendered and f'"{part}"' not in rendered else part
        for part in _place(node)
    ]
    return ".".join(parts)


def _table(node: Node, project: _Project) -> str:
    """The gate's table; raises Unfaithful where the manifest doesn't tell which one it is."""
    if any(not part or "." in part for part in _place(node)):
        raise Unfaithful("the table's name has a dot in it, or nothing")
    name = _full_name(node, project.adapter)
    if len(databases := project.databases[name]) > 1:
        several = ", ".join(sorted(databases))
        raise Unfaithful(f"{name} is in several databases ({several}); a warehouse is one")
    return name


def _fold(name: str, adapter: str) -> str:
    """A name without quotes, as the warehouse reads it."""
    return re.sub("[A-Z]+", lambda found: found[0].lower(), name) if adapter == "postgres" else name


def _identifier(written: str, adapter: str) -> str:
    if quoted := _QUOTED_NAME.fullmatch(written):
        return quoted[1].replace('""', '"')
    if not _PLAIN_NAME.fullmatch(written):
        raise Unfaithful(f"{written!r} is no plain column")
    return _fold(written, adapter)


def _read_test(node: Node, project: _Project) -> _Test:
    metadata = _part(node, "test_metadata")
    if not metadata:
        raise Unfaithful("it is SQL of its own, not a generic test")
    model = str(_part(metadata, "kwargs").get("model"))
    attached = str(node.get("attached_node") or _resolve(model, node))
    if attached not in project.relations:
        raise Unfaithful(f"{attached} is no table or view")
    return _Test(node, project.relations[attached], project, _terms(node))


def _resolve(text: str, node: Node) -> str:
    """The id of what a text refers to, among what the node depends on."""
    found = _REFERENCE.search(text)
    names = re.findall(r"""(?:^|,)\s*["']([^"']*)["']""", found[2]) if found else []
    if not found or not names or "=" in found[2]:
        raise Unfaithful(f"{text!r} doesn't tell which table it is")
    # A reference without a package is to whichever has it.
    end = "." + ".".join(names[-1:] if found[1] == "ref" else names)
    start = f".{names[0]}." if found[1] == "ref" and len(names) > 1 else ""
    sort = "source." if found[1] == "source" else ("model.", "seed.", "snapshot.")
    candidates = {
        each
        for each in _needed(node, "nodes")
        if each.startswith(sort) and each.endswith(end) and start in each
    }
    if len(candidates) != 1:
        raise Unfaithful(f"{text!r} doesn't tell which table it is")
    return str(candidates.pop())


def _needed(node: Node, sort: str) -> list[str]:
    """The ids of the nodes or macros that a node depends on."""
    found = _part(node, "depends_on").get(sort)
    return [str(each) for each in found] if isinstance(found, list) else []


def _terms(node: Node) -> dict[str, Any]:
    """Severity, thresholds, description and words; raises Unfaithful for other ways to fail."""
    config = _part(node, "config")
    if config.get("where"):
        raise Unfaithful("its where bounds the rows; a rule judges all of the batch")
    if config.get("fail_calc", "count(*)") != "count(*)":
        raise Unfaithful(f"its fail_calc {config['fail_calc']!r} is no number of rows")
    warning = str(config.get("severity") or "error").lower() == "warn"
    # By the severity warn, dbt never asks error_if.
    names = ("warn_if",) if warning else ("warn_if", "error_if")
    above = {name: _above(config.get(name) or "!= 0") for name in names}
    limit = config.get("limit")
    if limit is not None and not (is_number(limit) and limit > max(above.values())):
        raise Unfaithful(f"its limit of {limit} stops counting before there are too many")
    return {
        **({"severity": Severity.WARN.value} if warning else {}),
        **{name.replace("_if", "_above"): str(rows) for name, rows in above.items()},
        **read_words({**_part(node, "meta"), **_part(config, "meta")}),
        "description": node.get("description") or "",
    }


def _above(condition: Any) -> int:
    """How many failing rows the condition lets pass."""
    found = _CONDITION.fullmatch(str(condition))
    operator, number = (found[1], int(found[2])) if found else ("", 0)
    if operator == ">" or (operator in ("!=", "<>") and number == 0):
        return number
    if operator == ">=" and number > 0:
        return number - 1
    raise Unfaithful(f"{condition!r} is no number of rows above which it fails")


def _map(test: _Test) -> list[Draft]:
    name = _test_name(test.node)
    if name not in _MAPPERS:
        raise Unfaithful(f"no rule type means the same as {name}")
    kwargs = dict(_part(_part(test.node, "test_metadata"), "kwargs"))
    kwargs.pop("model", None)
    arguments = Arguments(kwargs)
    drafts = _MAPPERS[name](arguments, test)
    for left in arguments.left():
        raise Unfaithful(f"its {left} has no counterpart here")
    return drafts


def _test_name(node: Node) -> str:
    """The test with its package, if that isn't dbt: a project may have a not_null of its own."""
    metadata = _part(node, "test_metadata")
    name = str(metadata.get("name"))
    package = metadata.get("namespace") or "dbt"
    for macro in _needed(node, "macros"):
        if macro.endswith(f".test_{name}"):
            package = macro.split(".")[1]
    return name if package == "dbt" else f"{package}.{name}"


def _column(arguments: Arguments, test: _Test) -> str:
    return test.identifier(arguments.text("column_name"))


def _no_groups(arguments: Arguments) -> None:
    if arguments.take("group_by_columns"):
        raise Unfaithful("its group_by_columns judges each group by itself")


def _not_null(arguments: Arguments, test: _Test) -> list[Draft]:
    column = _column(arguments, test)
    return [Draft("not_null", (column,), {"column": column})]


def _unique(arguments: Arguments, test: _Test) -> list[Draft]:
    column = _column(arguments, test)
    return [Draft("unique", (column,), {"columns": [column]})]


def _listed(type_: str, arguments: Arguments, test: _Test) -> list[Draft]:
    if any(test.terms.get(name, NO_ROW) != NO_ROW for name in ("warn_above", "error_above")):
        raise Unfaithful("its warn_if or error_if counts different values, a rule counts rows")
    written = arguments.text("column_name")
    column = test.identifier(written)
    values = arguments.values("values")
    if arguments.flag("quote", default=True):
        values = _quoted(values, _data_type(test.on, written))
    elif isinstance(values[0], str):
        values = [_literal(value) for value in values]
    return [Draft(type_, (column,), {"column": column, "values": values})]


def _data_type(node: Node, column: str) -> str:
    declared = _part(_part(node, "columns"), column.strip('"')).get("data_type")
    return str(declared or "").lower()


def _quoted(values: list[Any], data_type: str) -> list[str]:
    """Values that dbt writes in quotes, and the warehouse then reads in the column's type."""
    texts = [str(value) for value in values]
    if any("'" in text or "\\" in text or _JINJA.search(text) for text in texts):
        raise Unfaithful("its values hold quotes, backslashes or Jinja")
    if isinstance(values[0], bool):
        raise Unfaithful("its values are quoted true and false; say quote: false")
    is_text = re.split(r"\W", data_type)[0] in _TEXT_TYPES
    if not is_text and any(_NUMBER_OR_TIME.fullmatch(text) for text in texts):
        reason = "numbers in quotes are compared as text or not, by the column's type"
        raise Unfaithful(f"{reason}; say quote: false, or the column's data_type")
    return texts


def _literal(value: str) -> str:
    """The text that a SQL literal is; other SQL is not for us to read."""
    found = _QUOTED_TEXT.fullmatch(value)
    if found is None:
        raise Unfaithful(f"{value!r} is SQL, not a value")
    return found[1]


def _relationships(arguments: Arguments, test: _Test) -> list[Draft]:
    column = _column(arguments, test)
    field, text = test.identifier(arguments.text("field")), arguments.text("to")
    if not _ONLY_REFERENCE.fullmatch(text):
        raise Unfaithful(f"its to, {text!r}, is no ref or source")
    to = test.project.relations.get(_resolve(text, test.node))
    if to is None:
        raise Unfaithful(f"{text} is no table or view")
    if to.get("database") != test.on.get("database"):
        raise Unfaithful(f"{text} is in another database")
    parameters = {"column": column, "to": _table(to, test.project), "field": field}
    return [Draft("relationships", (column,), parameters)]


def _expression(arguments: Arguments, test: _Test) -> list[Draft]:
    expression, written = arguments.text("expression"), arguments.take("column_name", "")
    if _JINJA.search(expression):
        raise Unfaithful("its expression holds Jinja")
    if test.project.adapter not in ADAPTERS:
        raise Unfaithful(f"its expression is SQL of {test.project.adapter}")
    if not written:
        return [Draft("expression", (), {"expression": expression})]
    column = test.identifier(str(written))
    return [Draft("expression", (column,), {"expression": f"{written} {expression}"})]


def _range(arguments: Arguments, test: _Test) -> list[Draft]:
    column = _column(arguments, test)
    if not arguments.flag("inclusive", default=True):
        raise Unfaithful("its bounds themselves are out; here they are included")
    bounds = given(min=arguments.take("min_value"), max=arguments.take("max_value"))
    for name, bound in bounds.items():
        if isinstance(bound, str):
            bounds[name] = _literal(bound)
        elif not is_number(bound):
            raise Unfaithful(f"its {name}_value is neither a number nor a text")
    return [Draft("value_between", (column,), {"column": column, **bounds})]


def _combination(arguments: Arguments, test: _Test) -> list[Draft]:
    written = arguments.texts("combination_of_columns")
    quoted = arguments.flag("quote_columns")
    columns = written if quoted else [test.identifier(each) for each in written]
    if len(columns) == 1:
        raise Unfaithful("of one column, a missing value that repeats would have to fail")
    return [Draft("unique_combination", tuple(columns), {"columns": columns})]


def _proportion(arguments: Arguments, test: _Test) -> list[Draft]:
    _no_groups(arguments)
    column = _column(arguments, test)
    least, most = arguments.number("at_least"), arguments.number("at_most")
    if least is None:
        raise Unfaithful("its at_least is missing")
    bounds = {"min": least, "max": 1 if most is None else most}
    shares = {name: percent(Decimal(str(share))) for name, share in bounds.items()}
    return [Draft("not_null_percent", (column,), {"column": column, **shares})]


def _at_least_one(arguments: Arguments, test: _Test) -> list[Draft]:
    _no_groups(arguments)
    column = _column(arguments, test)
    return [Draft("distinct_count_between", (column,), {"column": column, "min": 1})]


def _not_empty(arguments: Arguments, test: _Test) -> list[Draft]:
    column = _column(arguments, test)
    if arguments.flag("trim_whitespace", default=True):
        raise Unfaithful("it trims, and lets a missing value pass; not_blank doesn't")
    return [Draft("length_between", (column,), {"column": column, "min": 1})]


_MAPPERS: dict[str, Mapper] = {
    "not_null": _not_null,
    "unique": _unique,
    "accepted_values": partial(_listed, "accepted_values"),
    "relationships": _relationships,
    "dbt_utils.expression_is_true": _expression,
    "dbt_utils.accepted_range": _range,
    "dbt_utils.unique_combination_of_columns": _combination,
    "dbt_utils.not_null_proportion": _proportion,
    "dbt_utils.not_accepted_values": partial(_listed, "rejected_values"),
    "dbt_utils.at_least_one": _at_least_one,
    "dbt_utils.not_empty_string": _not_empty,
}
"""The generic tests that a rule type means: dbt's own, and those of dbt_utils."""
