"""Nasty texts in every text parameter of every rule type are data and nothing else.

The text parameters are found in the schemas. Each takes the place of a harmless one in a rule that
fails; what may come of it is a refusal, an error, or exactly the count of a text that is only data.
The checks run as a role that may write, so that nothing but the macros stands in the way; free SQL
runs as one that may not, which is its wall.
"""

from __future__ import annotations

import copy
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb
import psycopg
import pytest
from pydantic import ValidationError

from gatekeeper.catalogue.rule_types import check_parameters
from gatekeeper.configuration.document import RuleDocument
from gatekeeper.domain.batch import Range, Values
from gatekeeper.domain.errors import RunnerError
from gatekeeper.domain.gate import Warehouse
from gatekeeper.domain.plan import Plan
from gatekeeper.domain.rule import Dimension, Entity, Kind, Rule, RuleType, Severity, build_rule_set
from gatekeeper.domain.run import RunId
from gatekeeper.domain.verdict import Measurement
from runner.lane_process import LaneLimits
from runner.lanes import Lanes
from standalone.postgres import superuser_url

RULES_OF_A_PLAN = 400

CORPUS = [
    # Values that close their literal, their list, their query.
    "'",
    "'''; drop table nasty.canary; --",
    "x') or 1=1; drop table nasty.canary; --",
    "ok')) d; commit; create table nasty.evidence as select 1 as a; commit; select 0 from ((",
    "ok') and 1=0 and value_field not in ('",
    "' or '1'='1",
    "'/**/or/**/1=1/**/--",
    "\\'; delete from nasty.canary; --",
    "\\",
    "E'\\x27'; delete from nasty.canary; --",
    "'; copy nasty.canary to '/tmp/evidence'; --",
    "'; attach '/tmp/evidence' as evidence; --",
    "' || (select name from nasty.canary limit 1) || '",
    # Names that close theirs.
    '"',
    '"; drop table nasty.canary; --',
    'id" is null or "id',
    'id") or ("id" is not null',
    'id" is null) and 1=0 and ("id',
    'x" from nasty.canary; commit; delete from nasty.canary; --',
    "subject) as sx_row where false; delete from nasty.canary; --",
    # Quoting of PostgreSQL's own, comments, ends of statements.
    "$q$",
    "/* a comment without an end",
    "*/ or true /*",
    "--",
    # What the warehouse would take for something else.
    "current_user",
    "sx_row",
    "sx_subject",
    "%s %(x)s %%",
    # Jinja and dbt.
    "{{ env_var('SX_APPLICATION_NAME') }}",
    "env_var('SX_APPLICATION_NAME')",
    "var('x', '') ~ env_var('SX_APPLICATION_NAME')",
    "{% do run_query('drop table nasty.canary') %}",
    "var('x', '') ~ run_query('drop table nasty.canary') ~ ('')",
    "x{% endraw %}{{ 7 * 191 }}{% raw %}",
    "{{ 7 * 191 }}",
    "{# a comment without an end",
    "ref('subject')",
    # YAML and JSON.
    "!!python/object/apply:os.system ['touch /tmp/evidence']",
    "&anchor x",
    '"}, "sx_table": "nasty.canary"} #',
    "a: b\n- c",
    # Odd characters and sizes.
    "O'Brien",
    "\u2019\u02bc\uff07; drop table nasty.canary",
    "\U0001f600",
    "a\tb\r\nc",
    "\x01\x7f",
    "\ufeffid",
    "x" * 300,
    "a\x00b",
    "",
]

FAILING: dict[str, dict[str, Any]] = {
    "accepted_values": {"column": "text", "values": ["a"]},
    "aggregate_between": {"column": "id", "aggregate": "max", "min": -1, "max": -1},
    "aggregate_equals": {"aggregate": "max", "column": "id", "to": "nasty.canary", "field": "id"},
    "arrived_in_batch_window": {"column": "since", "grace": 1, "unit": "hours"},
    "castable_to": {"column": "text", "type": "integer"},
    "columns_compare": {"left": "id", "operator": "=", "right": "other"},
    "columns_equal_when": {"left": "id", "right": "other", "when": "text", "values": ["a"]},
    "columns_present": {"columns": ["gone"]},
    "custom_sql": {"query": "select 1"},
    "distinct_count_between": {"column": "id", "max": 0},
    "duplicate_percent": {"columns": ["same", "same too"], "max": 1},
    "expression": {"expression": "false"},
    "freshness": {"column": "since", "max": 1, "unit": "days"},
    "in_format": {"column": "text", "format": "email"},
    "lag_between": {"start": "since", "end": "since", "min": 1, "unit": "hours"},
    "length_between": {"column": "text", "min": 1000},
    "matches_reference": {
        "to": "nasty.canary",
        "key": [{"column": "id", "field": "id"}],
        "columns": [{"column": "text", "field": "name"}],
    },
    "matches_regex": {"column": "id", "pattern": "^$"},
    "no_date_gaps": {"column": "since", "every": "day"},
    "not_blank": {"column": "nothing"},
    "not_in_future": {"column": "later", "grace": 1, "unit": "hours"},
    "not_matches_regex": {"column": "id", "pattern": "."},
    "not_null": {"column": "nothing"},
    "not_null_percent": {"column": "nothing", "min": 1},
    "one_of_not_null": {"columns": ["nothing", "nothing too"]},
    "outlier_percent": {"column": "id", "method": "zscore", "threshold": 0.001, "max": 1},
    "rejected_values": {"column": "text", "values": ["a"]},
    "relationships": {"column": "id", "to": "nasty.canary", "field": "id"},
    "row_count_between": {"max": 0},
    "row_count_equals": {"to": "nasty.canary"},
    "schema_matches": {"columns": [{"name": "id", "type": "text"}], "others": True},
    "share_between": {"column": "text", "values": ["a"], "min": 50},
    "unique": {"columns": ["same", "same too"], "scope": "batch"},
    "unique_combination": {"columns": ["same", "same too"], "scope": "batch"},
    "value_between": {"column": "id", "min": 1000000, "max": -1},
}
"""A rule of each type that fails, with every text parameter that it may have."""

FREE_SQL = {"expression", "custom_sql"}

Path_ = tuple[str | int, ...]


@dataclass(frozen=True)
class Attempt:
    """One nasty text in one text parameter of a rule."""

    type: str
    path: Path_
    parameter: str
    parameters: Mapping[str, Any]
    text: str


def find_texts(type_: str, schema: Mapping[str, Any]) -> Iterator[tuple[Path_, str]]:
    """Give the path of every text parameter, and what it is: a $def's name, an enum, or text."""
    for path, kind in _walk(schema, schema["$defs"]):
        yield path, "free SQL" if type_ in FREE_SQL else kind


def _walk(schema: Mapping[str, Any], defs: Mapping[str, Any]) -> Iterator[tuple[Path_, str]]:
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        for path, kind in _walk(defs[name], defs):
            yield path, "enum" if kind == "enum" else name
    if "enum" in schema:
        yield (), "enum"
    elif any(each.get("type") == "string" for each in [schema, *schema.get("anyOf", [])]):
        yield (), "text"
    inner = {**schema.get("properties", {}), **({0: schema["items"]} if "items" in schema else {})}
    for name, each in inner.items():
        for path, kind in _walk(each, defs):
            yield (name, *path), kind


def _put(parameters: Mapping[str, Any], path: Path_, text: str) -> dict[str, Any]:
    changed: Any = copy.deepcopy(dict(parameters))
    inner = changed
    for step in path[:-1]:
        inner = inner[step]
    assert path[-1] in inner if isinstance(inner, dict) else len(inner) > int(path[-1])
    inner[path[-1]] = text
    return changed  # type: ignore[no-any-return]


def build_attempts(rule_types: Mapping[str, RuleType]) -> list[Attempt]:
    """Every text of the corpus in every text parameter."""
    return [
        Attempt(name, path, parameter, _put(FAILING[name], path, _fit(text, parameter)), text)
        for name, rule_type in rule_types.items()
        for path, parameter in find_texts(name, rule_type.parameters)
        for text in CORPUS
    ]


def _fit(text: str, parameter: str) -> str:
    """A table needs a schema before the schema of the parameters lets it through."""
    return f"nasty.{text}" if parameter == "table" and "." not in text else text


def is_refused(attempt: Attempt, rule_types: Mapping[str, RuleType]) -> bool:
    return any(check_parameters(rule_types[attempt.type], attempt.parameters, "p"))


def is_data(attempt: Attempt, rows_failed: int | None) -> bool:
    """Whether the count is what it is for a text that stands in the table just as it is."""
    match attempt.parameter:
        case "value":
            others = len(STORED) - 1
            return rows_failed == (others if attempt.type == "accepted_values" else 1)
        case "bound":
            # DuckDB may know the answer from the other bound, without a look at this one.
            return rows_failed != 0
        case "pattern":
            return rows_failed is None or rows_failed == _count_matches(attempt)
        case _ if attempt.type in ("columns_present", "schema_matches"):
            return rows_failed == 1
        case _:
            return rows_failed is None


def _count_matches(attempt: Attempt) -> int:
    try:
        matched = [bool(re.search(attempt.text, str(number))) for number in range(len(STORED))]
    except re.error:
        # No expression to Python; to the warehouse perhaps one, that matches no number.
        matched = [False] * len(STORED)
    return matched.count(attempt.type == "not_matches_regex")


STORED = ["a", *(text for text in CORPUS if "\x00" not in text)]
NO_VALUE = [Attempt("not_null", (), "", FAILING["not_null"], "")]
BATCH = Range("later", start="9998-01-01", end="9999-12-31")

TABLES = """
create schema nasty;
create table nasty.canary (id integer, name text);
insert into nasty.canary values (1001, 'canary'), (1002, 'canary'), (1003, 'canary');
create table nasty.subject (
    id integer, other integer, text text, nothing integer, same integer, "same too" integer,
    since timestamp, later timestamp, "nothing too" integer
);
"""
INSERT = "insert into nasty.subject values (%s, -1, %s, null, 1, 1, %s, '9999-01-01', null)"
ROWS = [(at, text, f"2024-0{at % 2 + 1}-01") for at, text in enumerate(STORED)]


@pytest.fixture(scope="module")
def postgres_url(postgres: Path) -> str:
    with psycopg.connect(superuser_url(postgres), autocommit=True) as server:
        server.execute("create role nasty_reader login")
        server.execute("create database nasty")
        # The worse of its two settings: a backslash escapes in a plain literal.
        server.execute("alter database nasty set standard_conforming_strings = off")
    url = superuser_url(postgres, "nasty")
    with psycopg.connect(url) as database:
        database.execute(TABLES.encode())
        with database.cursor() as cursor:
            cursor.executemany(INSERT.encode(), ROWS)
        database.execute("grant usage on schema nasty to nasty_reader")
        database.execute("grant select on all tables in schema nasty to nasty_reader")
    return url


@pytest.fixture(scope="module")
def duckdb_path(short_tmp: Path) -> Path:
    path = short_tmp / "texts.duckdb"
    with duckdb.connect(str(path)) as database:
        database.execute(TABLES)
        database.executemany(INSERT.replace("%s", "?"), ROWS)
    return path


@pytest.fixture(params=["postgres", "duckdb"])
def adapter(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def warehouse(adapter: str, postgres: Path, postgres_url: str, duckdb_path: Path) -> Warehouse:
    """On PostgreSQL by a role that may do anything; a DuckDB file is opened to read only."""
    if adapter == "duckdb":
        return Warehouse("nasty", adapter, {"path": str(duckdb_path)})
    reached: dict[str, str | int] = {"host": str(postgres), "port": 5432, "sslmode": "prefer"}
    return Warehouse("nasty", adapter, {**reached, "database": "nasty", "user": "postgres"})


@pytest.fixture
def nothing_happened(adapter: str, postgres_url: str, duckdb_path: Path) -> Iterator[None]:
    yield
    tables = "select table_name from information_schema.tables where table_schema in ('nasty', %s)"
    canaries = "select count(*), max(name) from nasty.canary"
    if adapter == "postgres":
        with psycopg.connect(postgres_url) as database:
            seen = database.execute(tables.encode(), ["public"]).fetchall()
            left = database.execute(canaries.encode()).fetchall()
    else:
        with duckdb.connect(str(duckdb_path), read_only=True) as file:
            seen = file.execute(tables.replace("%s", "?"), ["main"]).fetchall()
            left = file.execute(canaries).fetchall()
    assert sorted(seen) == [("canary",), ("subject",)]
    assert left == [(3, "canary")]
    assert not Path("/tmp/evidence").exists()  # noqa: S108 - where a text would write


@pytest.fixture(scope="module")
def lanes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lanes]:
    limits = LaneLimits(threads=2, max_runs=500, max_mebibytes=1024)
    lanes = Lanes(2, limits, os.environ, tmp_path_factory.mktemp("secrets"))
    yield lanes
    lanes.close()


def test_the_corpus_is_worth_its_name() -> None:
    assert len(set(CORPUS)) == len(CORPUS) >= 40


def test_every_rule_type_is_tried(rule_types: dict[str, RuleType]) -> None:
    assert set(FAILING) == set(rule_types)
    tried = {each.type for each in build_attempts(rule_types)}
    assert set(rule_types) - tried == {"row_count_between"}


def test_a_word_is_one_of_those_known(rule_types: dict[str, RuleType]) -> None:
    words = [each for each in build_attempts(rule_types) if each.parameter == "enum"]
    assert words
    assert [each for each in words if not is_refused(each, rule_types)] == []


def test_the_rules_fail_as_they_are(lanes: Lanes, warehouse: Warehouse) -> None:
    attempts = [Attempt(name, (), "", FAILING[name], "") for name in FAILING]
    measured = _measure(lanes, warehouse, attempts)
    assert [each for each in measured if not each.rows_failed] == []


# Some thousand checks: a minute on an idle machine.
@pytest.mark.timeout(420)
@pytest.mark.usefixtures("nothing_happened")
def test_a_text_is_data(
    lanes: Lanes, warehouse: Warehouse, rule_types: dict[str, RuleType]
) -> None:
    attempts = [
        each
        for each in build_attempts(rule_types)
        if each.parameter != "free SQL" and not is_refused(each, rule_types)
    ]
    measured = _measure(lanes, warehouse, attempts)
    wrong = [
        f"{each} gave {seen.rows_failed} {seen.message}\n{seen.compiled_sql}"
        for each, seen in zip(attempts, measured, strict=True)
        if not is_data(each, seen.rows_failed)
        or re.search("read-only|permission denied", seen.message, re.IGNORECASE)
    ]
    assert not wrong, f"{len(wrong)} of {len(attempts)}\n" + "\n".join(wrong[:20])


@pytest.mark.usefixtures("nothing_happened")
def test_free_sql_changes_nothing(
    lanes: Lanes, warehouse: Warehouse, rule_types: dict[str, RuleType]
) -> None:
    if warehouse.adapter == "postgres":
        reader = {**warehouse.connection, "user": "nasty_reader"}
        warehouse = Warehouse("nasty", "postgres", reader)
    attempts = [
        each
        for each in build_attempts(rule_types)
        if each.parameter == "free SQL" and not is_refused(each, rule_types)
    ]
    assert {each.type for each in attempts} == {"expression", "custom_sql"}
    _measure(lanes, warehouse, attempts)


@pytest.mark.usefixtures("nothing_happened")
def test_the_values_of_a_batch_are_data(lanes: Lanes, warehouse: Warehouse) -> None:
    """Each text stands in one row; as a time most of them can't be read."""
    a_plan = _build_plan(warehouse, NO_VALUE)
    measured = lanes.measure(replace(a_plan, batch=Values("text", tuple(STORED[1:]))))
    assert [each.rows_tested for each in measured.measurements] == [len(STORED) - 1]
    for text in STORED[1:]:
        rows = _rows_tested(lanes, replace(a_plan, batch=Range("later", after=text)))
        assert rows in ("not a time", 0, len(STORED))


def _rows_tested(lanes: Lanes, plan: Plan) -> int | str | None:
    try:
        return lanes.measure(plan).measurements[0].rows_tested
    except RunnerError as error:
        return "not a time" if "don't fit the column later" in str(error) else str(error)


@pytest.mark.usefixtures("nothing_happened")
def test_a_table_or_a_batchs_column_of_that_name_is_not_there(
    lanes: Lanes, warehouse: Warehouse
) -> None:
    a_plan = _build_plan(warehouse, NO_VALUE)
    for text in STORED[1:]:
        for named in (
            replace(a_plan, table=f"nasty.{text}"),
            replace(a_plan, table=f"{text}.subject"),
            replace(a_plan, batch=Range(text, start="a")),
        ):
            with pytest.raises(RunnerError) as caught:
                lanes.measure(named)
            assert f"stringx-{a_plan.run_id}" not in str(caught.value)


@pytest.mark.usefixtures("nothing_happened")
def test_what_is_said_of_a_rule_changes_nothing(lanes: Lanes, warehouse: Warehouse) -> None:
    a_plan = _build_plan(warehouse, NO_VALUE * len(CORPUS))
    rules = [
        replace(rule, description=text, owner=text)
        for rule, text in zip(a_plan.rules, CORPUS, strict=True)
    ]
    rule_set = build_rule_set(rules)
    said = replace(a_plan, rules=rule_set.rules, rule_set_hash=rule_set.hash)
    counts = [each.rows_failed for each in lanes.measure(said).measurements]
    assert counts == [len(STORED)] * len(CORPUS)


@pytest.mark.parametrize("text", [text for text in CORPUS if not re.fullmatch("[a-z_]+", text)])
def test_no_text_but_a_plain_word_is_a_name_for_a_rule(text: str) -> None:
    with pytest.raises(ValidationError):
        RuleDocument(name=text, type="not_null", parameters={"column": "id"})


def _measure(lanes: Lanes, warehouse: Warehouse, attempts: Sequence[Attempt]) -> list[Measurement]:
    """Carry the attempts out in a few plans; none may have read what the environment holds."""
    plans = [
        _build_plan(warehouse, attempts[first : first + RULES_OF_A_PLAN])
        for first in range(0, len(attempts), RULES_OF_A_PLAN)
    ]
    with ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(lanes.measure, plans))
    measured: list[Measurement] = []
    for plan, answer in zip(plans, answers, strict=True):
        by_rule = {each.rule: each for each in answer.measurements}
        for each in answer.measurements:
            told = f"{each.message} {each.compiled_sql}"
            assert f"stringx-{plan.run_id}" not in told
            assert str(7 * 191) not in told
        measured += [by_rule[name] for name in sorted(by_rule)]
    return measured


def _build_plan(warehouse: Warehouse, attempts: Sequence[Attempt]) -> Plan:
    rules = [
        _build_rule(f"attempt_{at:04}", each.type, each.parameters)
        for at, each in enumerate(attempts)
    ]
    rule_set = build_rule_set(rules)
    return Plan(
        run_id=RunId(uuid4()),
        attempt=1,
        warehouse=warehouse,
        gate_id=1,
        table="nasty.subject",
        rule_set_hash=rule_set.hash,
        rules=rule_set.rules,
        batch=BATCH,
        deadline_seconds=150,
    )


def _build_rule(name: str, type_: str, parameters: Mapping[str, Any]) -> Rule:
    return Rule(
        name, type_, parameters, Kind.BUSINESS, Dimension.VALIDITY, Entity.COLUMN, Severity.ERROR
    )
