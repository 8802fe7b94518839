"""Reading dbt's generic tests out of a file: their names, their arguments, what is said of them.

Jinja's own parser reads the file. Nothing of it is rendered.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.ext import Extension
from jinja2.parser import Parser

COLUMN = "column_name"
"""The argument in which dbt hands over the column that a test stands at."""

_BEGINNING = r"\{%[-+]?\s*(?:test\s+|macro\s+test_)"
_HAS_TEST = re.compile(_BEGINNING)
_COMMENT = r"\{\#-?((?:(?!\#\}).)*?)-?\#\}"
_COMMENT_AT_END = re.compile(rf"{_COMMENT}\s*\Z", re.DOTALL)
_COMMENT_AT_HEAD = re.compile(rf"%\}}\s*{_COMMENT}", re.DOTALL)


class NoGenericTest(ValueError):
    """What looks like a generic test isn't one."""


@dataclass(frozen=True)
class GenericTest:
    """A generic test. `parameters` is the body of a JSON Schema; `description` may be empty."""

    name: str
    parameters: dict[str, Any]
    description: str


class _TestBlock(Extension):
    """`{% test name(...) %}` is a macro that is called test_name, as it is to dbt."""

    tags = {"test"}  # noqa: RUF012 - so Jinja has it

    def parse(self, parser: Parser) -> nodes.Macro:
        """Read the block."""
        test = nodes.Macro(lineno=next(parser.stream).lineno)
        test.name = f"test_{parser.parse_assign_target(name_only=True).name}"
        parser.parse_signature(test)
        test.body = parser.parse_statements(("name:endtest",), drop_needle=True)
        return test


# What dbt has in its Jinja, too.
_JINJA = Environment(extensions=[_TestBlock, "jinja2.ext.do", "jinja2.ext.loopcontrols"])  # noqa: S701 - it only reads


def has_generic_test(text: str) -> bool:
    """Whether a file of macros looks like it holds a test, too."""
    return _HAS_TEST.search(text) is not None


def parse_generic_tests(text: str) -> list[GenericTest]:
    """Give the tests of a file, also those in dbt's old form, `{% macro test_name(...) %}`.

    Raises NoGenericTest where the file isn't Jinja or holds none, or one takes no model.
    """
    try:
        blocks = _JINJA.parse(text).body
    except TemplateSyntaxError as error:
        raise NoGenericTest(f"line {error.lineno}: {error.message}") from error
    macros = [block for block in blocks if isinstance(block, nodes.Macro)]
    tests = [_build_test(each, text) for each in macros if each.name.startswith("test_")]
    if not tests:
        raise NoGenericTest("it holds no generic test")
    return tests


def _build_test(macro: nodes.Macro, text: str) -> GenericTest:
    name = macro.name.removeprefix("test_")
    if not name.isascii():
        raise NoGenericTest(f"line {macro.lineno}: dbt takes no such name as {name}")
    if "model" not in [argument.name for argument in macro.args]:
        raise NoGenericTest(f"line {macro.lineno}: {name} takes no model")
    return GenericTest(name, _build_parameters(macro), _find_description(name, text))


def _build_parameters(macro: nodes.Macro) -> dict[str, Any]:
    required, properties = [], {}
    undefaulted = len(macro.args) - len(macro.defaults)
    for place, argument in enumerate(macro.args):
        if argument.name == "model":
            continue
        definition = "column" if argument.name == COLUMN else "argument"
        properties[argument.name] = {"$ref": f"#/$defs/{definition}"}
        if place < undefaulted:
            required.append(argument.name)
        else:
            properties[argument.name] |= _read_default(macro.defaults[place - undefaulted])
    parameters = {"required": required, "properties": properties}
    if any(name.name == "kwargs" for name in macro.find_all(nodes.Name)):
        # A macro that names them takes what it doesn't declare; a column, too.
        parameters["additionalProperties"] = {"$ref": "#/$defs/argument"}
        properties.setdefault(COLUMN, {"$ref": "#/$defs/column"})
    return parameters


def _read_default(expression: nodes.Expr) -> dict[str, Any]:
    """Give a constant default as a schema has it; one that dbt works out isn't told."""
    try:
        return {"default": json.loads(json.dumps(expression.as_const(), allow_nan=False))}
    except (nodes.Impossible, TypeError, ValueError):
        return {}


def _find_description(name: str, text: str) -> str:
    """Give the comment at the head of a test's block, or right before it."""
    opening = re.search(rf"{_BEGINNING}{name}\b", text)
    if opening is None:
        return ""
    for comment in _comments_around(opening, text):
        return " ".join(comment.split())
    return ""


def _comments_around(opening: re.Match[str], text: str) -> Iterator[str]:
    if before := _COMMENT_AT_END.search(text, 0, opening.start()):
        yield before[1]
    if head := _COMMENT_AT_HEAD.match(text, text.find("%}", opening.end())):
        yield head[1]
