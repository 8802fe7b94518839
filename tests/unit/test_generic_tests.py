"""Reading dbt's generic tests: every form that dbt takes, and what it doesn't take."""

from __future__ import annotations

from typing import Any

import pytest

from gatekeeper.catalogue.generic_tests import GenericTest, NoGenericTest, parse_generic_tests

COLUMN = {"$ref": "#/$defs/column"}
ARGUMENT = {"$ref": "#/$defs/argument"}


def one(text: str) -> GenericTest:
    (found,) = parse_generic_tests(text)
    return found


@pytest.mark.parametrize(
    "text",
    [
        "{% test even(model, column_name) %}select 1{% endtest %}",
        "{%- test even(model, column_name) -%}select 1{%- endtest -%}",
        "{%+ test even (model,column_name) %}{% endtest %}",
        "{%\n  test even(\n    model,\n    column_name\n  )\n%}\nselect 1\n{% endtest %}\n",
        "{% macro test_even(column_name, model) %}{% endmacro %}",
        "{% macro other(a) %}{% endmacro %}\n{% test even(model, column_name) %}{% endtest %}",
        "{# {% test odd(model) %}{% endtest %} #}{% test even(model, column_name) %}{% endtest %}",
        "{% test even(model, column_name) %}{% do x() %}{{ return(y(model)) }}{% endtest %}",
        "{% test even(model, column_name) %}{% for i in y %}{% break %}{% endfor %}{% endtest %}",
    ],
)
def test_a_header_is_read_in_every_form(text: str) -> None:
    found = one(text)
    assert found.name == "even"
    assert found.parameters == {"required": ["column_name"], "properties": {"column_name": COLUMN}}


@pytest.mark.parametrize(
    ("written", "default"),
    [
        ("none", None),
        ("None", None),
        ("true", True),
        ('"it\'s"', "it's"),
        ("'%}'", "%}"),
        ('"{{ x }}"', "{{ x }}"),
        ("-1.5", -1.5),
        ("60 * 60", 3600),
        ("[1, 'a', [none]]", [1, "a", [None]]),
        ("(1, 2)", [1, 2]),
        ("{'a': {'b': 1}}", {"a": {"b": 1}}),
    ],
)
def test_a_constant_default_is_told(written: str, default: Any) -> None:
    found = one(f"{{% test t(model, a, b={written}) %}}{{% endtest %}}")
    assert found.parameters["required"] == ["a"]
    assert found.parameters["properties"] == {"a": ARGUMENT, "b": ARGUMENT | {"default": default}}


@pytest.mark.parametrize(
    "written", ["target.schema", "var('x')", "env_var('HOME')", "a ~ b", "1 / 0", "x | no_filter"]
)
def test_a_default_that_dbt_works_out_is_not_told(written: str) -> None:
    found = one(f"{{% test t(model, b={written}) %}}{{% endtest %}}")
    assert found.parameters == {"required": [], "properties": {"b": ARGUMENT}}


def test_a_column_may_be_left_out_where_it_has_a_default() -> None:
    found = one("{% test t(model, expression, column_name=none) %}{% endtest %}")
    assert found.parameters["required"] == ["expression"]
    assert found.parameters["properties"]["column_name"] == {**COLUMN, "default": None}


def test_what_names_its_kwargs_takes_more_than_it_declares() -> None:
    found = one("{% test t(model) %}{{ kwargs.get('a') }}{% endtest %}")
    assert found.parameters["additionalProperties"] == ARGUMENT
    assert found.parameters["properties"] == {"column_name": COLUMN}
    assert found.parameters["required"] == []


def test_a_file_may_hold_several() -> None:
    text = "".join(f"{{% test {name}(model) %}}{{% endtest %}}\n" for name in "abc")
    assert [test.name for test in parse_generic_tests(text)] == ["a", "b", "c"]


@pytest.mark.parametrize(
    "text",
    [
        "{# Said\n   of it. #}\n{% test t(model) %}{% endtest %}",
        "{#- Said of it. -#}\n\n{%- test t(model, a='x') -%}{# Not. #}{% endtest %}",
        "{% test t(model) %}\n{#- Said of it. -#}\nselect 1 {# Not. #}{% endtest %}",
        "{% test s(model) %}{% endtest %}{# Said of it. #}{% test t(model) %}{% endtest %}",
    ],
)
def test_a_comment_before_or_at_its_head_describes_it(text: str) -> None:
    assert parse_generic_tests(text)[-1].description == "Said of it."


@pytest.mark.parametrize(
    "text",
    [
        "{% test t(model) %}select 1 {# Not. #}{% endtest %}",
        "{# Not. #}{% macro m() %}{% endmacro %}{% test t(model) %}{% endtest %}",
        "{# Not. #} -- sql\n{% test t(model) %}{% endtest %}",
    ],
)
def test_another_comment_does_not(text: str) -> None:
    assert one(text).description == ""


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "holds no generic test"),
        ("{% macro m() %}{% endmacro %}", "holds no generic test"),
        ("{% test t(model) %}", "line 1: "),
        ("\n{% test t(model %}{% endtest %}", "line 2: "),
        ("{% test t(model, **kwargs) %}{% endtest %}", "line 1: "),
        ("{% test t(model) %}{{ {% endtest %}", "line 1: "),
        ("{% test (model) %}{% endtest %}", "line 1: "),
        ("{% test t(a) %}{% endtest %}", "t takes no model"),
        ("{% test tést(model) %}{% endtest %}", "no such name"),
    ],
)
def test_what_is_no_generic_test_says_why(text: str, reason: str) -> None:
    with pytest.raises(NoGenericTest, match=reason):
        parse_generic_tests(text)
