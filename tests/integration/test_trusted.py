"""An operator's own dbt tests, and those of a package, through the real lanes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from textwrap import dedent

import duckdb
import psycopg
import pytest

from gatekeeper.catalogue.load import load_catalogue
from gatekeeper.catalogue.rule_types import check_parameters, find_column_parameter
from gatekeeper.domain.batch import Range, Values
from gatekeeper.domain.errors import RunnerError
from gatekeeper.domain.plan import Plan
from gatekeeper.domain.rule import NO_ROW, RuleType, Severity, Threshold, build_rule_set
from gatekeeper.domain.verdict import Outcome, judge_checks
from gatekeeper.settings import ROOT
from runner.lanes import Lanes
from standalone.postgres import superuser_url
from tests.integration.test_lanes import LIMITS, measure, plan, rule

FILES = {
    "dbt_project.yml": """
        name: stringx
        version: "1.0.0"
        vars: {dearest: 100, smallest_group: 2}
        models: {+enabled: "{{ nothing that dbt should see }}"}
    """,
    "tests/generic/even.sql": """
        {# Every value is an even number. #}
        {% test even(model, column_name) %}
        select * from {{ model }} where {{ column_name }} % 2 <> 0
        {% endtest %}
    """,
    "tests/generic/Odd_Cases.sql": """
        {%- test Cheap(model, column_name, below=var('dearest')) -%}
        select {{ column_name }} from {{ model }} where {{ column_name }} > {{ below }}
        {%- endtest -%}

        {% test says(model, what, like=[]) %}
        {{ config(fail_calc='sum(many)') }}
        select {{ like | length }} + 1 as many from {{ model }}
        where status = '{{ what }}' or '{{ what }}' = '{{ like | join }}'
        {% endtest %}

        {% test in_schema(model, schema) %}
        select 1 as wrong where '{{ model.schema }}' <> '{{ schema }}'
        {% endtest %}

        {% test not_null(model) %} this is not what runs {% endtest %}
    """,
    "dbt_packages/my_utils/dbt_project.yml": """
        name: my_utils
        version: "2.0.0"
        on-run-start: "drop table shop.customers"
    """,
    "dbt_packages/my_utils/models/never.sql": "{{ a model that would not even parse",
    "dbt_packages/my_utils/macros/tests.sql": """
        {% test holds(model, expression, column_name=none) %}
          {{ return(adapter.dispatch('test_holds', 'my_utils')(model, expression, column_name)) }}
        {% endtest %}

        {% macro default__test_holds(model, expression, column_name) %}
          select * from {{ model }}
          where not ({{ column_name if column_name else '' }} {{ expression }})
        {% endmacro %}

        {% test big_groups(model, group_by, at_least=none) %}
          {{ return(adapter.dispatch('test_big_groups', 'my_utils')(model, group_by, at_least)) }}
        {% endtest %}

        {% macro default__test_big_groups(model, group_by, at_least) %}
          with groups as (
            select {{ group_by | join(', ') }}, count(*) as many from {{ model }}
            group by {{ group_by | join(', ') }}
          )
          select * from groups where many < {{ at_least or var('smallest_group') }} -- too few
        {% endmacro %}

        {% test has_columns(model, columns) %}
          {{ return(adapter.dispatch('test_has_columns', 'my_utils')(model, columns)) }}
        {% endtest %}

        {% test of_type(model, column_name, type) %}
          {%- if execute -%}
            {%- for column in adapter.get_columns_in_relation(model) %}
              select 1 as wrong where '{{ column.name }}' = '{{ column_name }}'
              and '{{ column.dtype | lower }}' <> '{{ type }}' {{ 'union all' if not loop.last }}
            {%- endfor -%}
          {%- endif -%}
        {% endtest %}

        {% macro default__test_has_columns(model, columns) %}
          {%- if execute -%}
            {%- set there = adapter.get_columns_in_relation(model) -%}
            {%- for column in columns if column not in there | map(attribute='name') %}
              select '{{ column }}' as missing {{ 'union all' if not loop.last }}
            {%- else %}
              select 1 as missing where false
            {%- endfor -%}
          {%- endif -%}
        {% endmacro %}
    """,
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """StringX's dbt project with tests and a package dropped in."""
    folder = tmp_path_factory.mktemp("dbt") / "stringx"
    shutil.copytree(ROOT / "stringx", folder)
    for name, text in FILES.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(text))
    page = (ROOT / "docs" / "how-to" / "use-your-own-dbt-tests.md").read_text("utf-8")
    example = page.partition("```sql\n")[2].partition("```")[0]
    (folder / "tests" / "generic" / "multiple_of.sql").write_text(example)
    return folder


@pytest.fixture(scope="module")
def catalogue(project: Path) -> dict[str, RuleType]:
    return load_catalogue(project)


ODD_COLUMNS = ["id", "user", "Id Number", "order", "größe", "a.b", "true"]


@pytest.fixture(scope="module")
def odd_columns(
    postgres: Path, warehouse: dict[str, str | int], duck_warehouse: dict[str, str | int]
) -> None:
    """A table of columns that need quotes; each holds nothing but NULL."""
    declared = ", ".join(f'"{column}" int' for column in ODD_COLUMNS)
    made = f"create table shop.odd ({declared}); insert into shop.odd (id) values (null)"
    with psycopg.connect(superuser_url(postgres, "warehouse"), autocommit=True) as database:
        database.execute(made.encode())
        database.execute("grant select on shop.odd to reader")
    with duckdb.connect(str(duck_warehouse["path"])) as database:
        database.execute(made)


@pytest.fixture(scope="module")
def lanes(
    project: Path, tmp_path_factory: pytest.TempPathFactory, odd_columns: None
) -> Iterator[Lanes]:
    lanes = Lanes(1, LIMITS, os.environ, tmp_path_factory.mktemp("secrets"), project)
    yield lanes
    lanes.close()


RULES = [
    (4, rule("even", "even", column_name="id")),
    (4, rule("of_the_docs", "multiple_of", column_name="id", step=2)),
    (9, rule("of_the_docs_by_default", "multiple_of", column_name="id")),
    (2, rule("cheap_by_var", "Cheap", column_name="amount")),
    (4, rule("cheap", "Cheap", column_name="amount", below=45)),
    (8, rule("says", "says", what="paid", like=["a"])),
    (0, rule("in_schema", "in_schema", schema="shop")),
    (1, rule("elsewhere", "in_schema", schema="main")),
    (1, rule("ours", "not_null", column="customer_id")),
    (3, rule("holds", "my_utils.holds", expression="amount between 0 and 100")),
    (2, rule("holds_of", "my_utils.holds", column_name="amount", expression="<= 100")),
    (2, rule("groups", "my_utils.big_groups", group_by=["status"])),
    (4, rule("larger_groups", "my_utils.big_groups", group_by=["status"], at_least=3)),
    (8, rule("pairs", "my_utils.big_groups", group_by=["status", "id"])),
    (0, rule("columns", "my_utils.has_columns", columns=["id", "status"])),
    (1, rule("more_columns", "my_utils.has_columns", columns=["id", "colour"])),
]


def test_trusted_tests_count_what_they_find(
    lanes: Lanes, catalogue: dict[str, RuleType], either: dict[str, str | int]
) -> None:
    rules = [each for _, each in RULES]
    problems = [list(check_parameters(catalogue[r.type], r.parameters, r.name)) for r in rules]
    assert not any(problems)
    measured = measure(lanes, plan(either, *rules))
    assert {name: each.message for name, each in measured.items() if each.message} == {}
    expected = {each.name: count for count, each in RULES}
    assert {name: each.rows_failed for name, each in measured.items()} == expected
    assert {each.rows_tested for each in measured.values()} == {10}


def test_a_batch_narrows_them(lanes: Lanes, either: dict[str, str | int]) -> None:
    rules = [
        rule("even", "even", column_name="id"),
        rule("groups", "my_utils.big_groups", group_by=["status"]),
        rule("ours", "value_between", column="amount", min=0),
    ]
    batch = Range("ordered_on", start="2024-01-05", end="2024-01-08")
    measured = measure(lanes, plan(either, *rules, batch=batch))
    counts = {name: (each.rows_tested, each.rows_failed) for name, each in measured.items()}
    assert counts == {"even": (3, 2), "groups": (3, 1), "ours": (3, 1)}


def test_a_batch_of_no_rows_is_no_data(lanes: Lanes, either: dict[str, str | int]) -> None:
    batch = Values("status", ("never",))
    assert outcomes(lanes, plan(either, rule("even", "even", column_name="id"), batch=batch)) == {
        "even": Outcome.NO_DATA
    }


def test_thresholds_hold_for_them(lanes: Lanes, either: dict[str, str | int]) -> None:
    even = rule("even", "even", column_name="id")
    rules = [
        replace(even, name="fails"),
        replace(even, name="passes", error_above=Threshold("4"), warn_above=Threshold("4")),
        replace(even, name="warns", error_above=Threshold("40%"), warn_above=Threshold("39%")),
        replace(even, name="only_warns", severity=Severity.WARN, warn_above=NO_ROW),
    ]
    assert outcomes(lanes, plan(either, *rules)) == {
        "fails": Outcome.FAIL,
        "passes": Outcome.PASS,
        "warns": Outcome.WARN,
        "only_warns": Outcome.WARN,
    }


def test_one_may_be_put_on_every_column_that_matches(
    lanes: Lanes, catalogue: dict[str, RuleType], either: dict[str, str | int]
) -> None:
    assert find_column_parameter(catalogue["even"]) == "column_name"
    assert find_column_parameter(catalogue["says"]) is None
    even = rule("even", "even", column_name=None)
    placed = replace(even, template="even", for_columns=("*id",))
    assert outcomes(lanes, plan(either, placed)) == {
        "even__id": Outcome.FAIL,
        "even__customer_id": Outcome.FAIL,
    }


def outcomes(lanes: Lanes, a_plan: Plan) -> dict[str, Outcome]:
    checks = judge_checks(build_rule_set(a_plan.rules), lanes.measure(a_plan))
    return {check.rule.name: check.outcome for check in checks}


EVIL_COLUMNS = [
    'id" is null or "id',
    "1 = 1 or id",
    "{{ env_var('HOME') }}",
    "{% do run_query('drop table shop.customers') %}",
    "id) ; drop table shop.customers; --",
    "id' or '' = '",
    "id\n*/ or true",
    "gone",
    "ctid",
    "orders",
    "user",
    "current_user",
]


def test_a_column_may_have_a_name_that_needs_quotes(
    lanes: Lanes, either: dict[str, str | int]
) -> None:
    rules = [
        rule(f"odd_{number}", "my_utils.holds", column_name=column, expression="is not null")
        for number, column in enumerate(ODD_COLUMNS)
    ]
    measured = lanes.measure(plan(either, *rules, table="shop.odd")).measurements
    assert [each.message for each in measured if each.message] == []
    assert {each.rows_failed for each in measured} == {1}


def test_every_reserved_word_is_known(postgres: Path) -> None:
    macros = (ROOT / "stringx" / "macros" / "trusted.sql").read_text("utf-8")
    known = macros.partition("return('\n")[2].partition("'.split()")[0].split()
    with psycopg.connect(superuser_url(postgres)) as server:
        reserved = server.execute(
            "select word from pg_get_keywords() where catcode in ('R', 'T')"
        ).fetchall()
    with duckdb.connect() as database:
        reserved += database.execute(
            "select keyword_name from duckdb_keywords()"
            " where keyword_category in ('reserved', 'type_function')"
        ).fetchall()
    assert {word for (word,) in reserved} <= set(known)


def test_a_column_is_found_among_those_listed(lanes: Lanes, either: dict[str, str | int]) -> None:
    rules = [
        rule("found", "my_utils.of_type", column_name="status", type="integer"),
        rule("right", "my_utils.of_type", column_name="id", type="integer"),
    ]
    measured = measure(lanes, plan(either, *rules))
    assert {name: each.rows_failed for name, each in measured.items()} == {"found": 1, "right": 0}


@pytest.mark.parametrize("batch", [None, Values("id", (1, 2, 3))])
def test_a_column_is_a_name_whatever_it_holds(
    lanes: Lanes, either: dict[str, str | int], batch: Values | None
) -> None:
    rules = [
        rule(f"evil_{number}", "my_utils.holds", column_name=evil, expression="is not null")
        for number, evil in enumerate(EVIL_COLUMNS)
    ]
    measured = lanes.measure(plan(either, *rules, batch=batch)).measurements
    assert [each.rows_failed for each in measured] == [None] * len(EVIL_COLUMNS)
    assert not [each.message for each in measured if os.environ["HOME"] in each.message]
    (customers,) = lanes.measure(
        plan(either, rule("r", "not_null", column="id"), table="shop.customers")
    ).measurements
    assert customers.rows_tested == 5


def test_an_argument_is_never_jinja(lanes: Lanes, either: dict[str, str | int]) -> None:
    text = '{{ env_var("HOME") }}{% do nothing %}'
    likened = rule("text", "says", what=text, like=['{{ env_var("HOME") }}', "{% do nothing %}"])
    (measured,) = lanes.measure(plan(either, likened)).measurements
    assert measured.rows_failed == 3 * 10
    assert text in (measured.compiled_sql or "")


@pytest.mark.parametrize(
    "table", ['shop.or"ders', "shop.or'ders", "shop.or\\ders", "shop.or\nders"]
)
def test_a_table_of_an_odd_name_is_not_theirs(
    lanes: Lanes, either: dict[str, str | int], table: str
) -> None:
    (measured,) = lanes.measure(
        plan(either, rule("r", "in_schema", schema="shop"), table=table)
    ).measurements
    assert measured.rows_failed is None
    assert "takes only names of letters" in measured.message


@pytest.mark.parametrize("name", ["gone", "my_utils.gone", "no_package.gone"])
def test_a_test_that_is_gone_is_an_error_and_says_so_each_time(
    lanes: Lanes, warehouse: dict[str, str | int], name: str
) -> None:
    gone = plan(warehouse, rule("r", name))
    for _ in range(2):
        with pytest.raises(
            RunnerError, match=r"(?s)could not parse the rules: .*is undefined"
        ) as caught:
            lanes.measure(gone)
        assert not caught.value.transient


def test_a_file_that_dbt_can_not_read_is_in_no_other_rules_way(
    project: Path, warehouse: dict[str, str | int], tmp_path: Path
) -> None:
    broken = tmp_path / "stringx"
    shutil.copytree(project, broken)
    (broken / "tests" / "generic" / "broken.sql").write_text("{% test broken(model %}")
    lanes = Lanes(1, LIMITS, os.environ, tmp_path, broken)
    try:
        (even,) = lanes.measure(
            plan(warehouse, rule("even", "even", column_name="id"))
        ).measurements
        assert even.rows_failed == 4
        with pytest.raises(RunnerError, match="could not parse the rules"):
            lanes.measure(plan(warehouse, rule("broken", "broken")))
    finally:
        lanes.close()


@pytest.mark.parametrize("name", ["main", "system", "shop", "or-ders"])
def test_a_duckdb_file_may_have_any_name(lanes: Lanes, short_tmp: Path, name: str) -> None:
    path = short_tmp / f"{name}.duckdb"
    with duckdb.connect() as database:
        database.execute(f"attach '{path}' as made")
        database.execute("create schema made.shop; create table made.shop.t as select 3 as id")
    for batch in (None, Values("id", (3,))):
        measured = measure(
            lanes,
            plan(
                {"path": str(path)},
                rule("even", "even", column_name="id"),
                rule("ours", "not_null", column="id"),
                table="shop.t",
                batch=batch,
            ),
        )
        assert measured["even"].rows_failed == 1
        assert measured["even"].rows_tested == 1
