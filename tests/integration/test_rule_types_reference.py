"""Every rule type counts on random tables what a plain Python reference counts.

An example is two random tables, perhaps a batch, and some rules of every type; each warehouse
measures it in one order. REFERENCE_EXAMPLES sets how many, which are then others each time.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import duckdb
import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from gatekeeper.catalogue.rule_types import check_parameters, load_rule_types
from gatekeeper.domain.gate import Warehouse
from gatekeeper.domain.plan import Plan
from gatekeeper.domain.rule import Kind, Rule, RuleType, Severity
from gatekeeper.domain.run import RunId
from gatekeeper.domain.verdict import Measurement
from runner.lane_process import LaneLimits
from runner.lanes import Lanes
from standalone.postgres import superuser_url
from tests.reference import REFERENCE
from tests.reference.free_sql import OTHER
from tests.reference.judged import CannotJudge, Judged, Row
from tests.reference.random_rules import MAKE
from tests.reference.random_tables import TYPES, Drawn, drawn_tables, settle

EXAMPLES = int(os.environ.get("REFERENCE_EXAMPLES", "12"))
RULES_OF_A_TYPE = 2
SUBJECT = "judged.subject"
RULE_TYPES = load_rule_types()
# The rules of every example differ in what travels as data; a lane parses their project but once.
PROJECT = "reference"
WRITTEN_BY = {"postgres": 0, "duckdb": 1}


class Example(NamedTuple):
    """Tables, and rules for them."""

    drawn: Drawn
    rules: Sequence[Rule]

    def __repr__(self) -> str:
        """Hypothesis warns of one that is long; a failure tells what matters."""
        return f"{len(self.drawn.rows)} rows, {len(self.rules)} rules"


@st.composite
def examples(draw: st.DrawFn) -> Example:
    drawn = draw(drawn_tables())
    return Example(
        drawn,
        [
            _build_rule(f"{name}_{number}", rule_type, MAKE[name](draw, drawn))
            for name, rule_type in RULE_TYPES.items()
            for number in range(RULES_OF_A_TYPE)
        ],
    )


def _build_rule(name: str, rule_type: RuleType, parameters: Mapping[str, Any]) -> Rule:
    dimension, entity = rule_type.dimension, rule_type.entity
    return Rule(
        name, rule_type.name, parameters, Kind.ENGINEERING, dimension, entity, Severity.ERROR
    )


class Warehouses:
    """A PostgreSQL database and DuckDB files, filled with the tables of one example at a time."""

    def __init__(self, socket: Path, directory: Path) -> None:
        self._socket = socket
        self._directory = directory
        self._numbers = count()

    def fill(self, subject: Sequence[Row], other: Sequence[Row]) -> Sequence[Warehouse]:
        tables = {SUBJECT: subject, OTHER: other}
        with psycopg.connect(superuser_url(self._socket, "judged")) as database:
            database.execute("drop schema if exists judged cascade")
            for statement, rows in _load(tables):
                with database.cursor() as cursor:
                    cursor.executemany(statement.encode(), rows)
            database.execute("grant usage on schema judged to judged_reader")
            database.execute("grant select on all tables in schema judged to judged_reader")
        path = self._directory / f"example_{next(self._numbers)}.duckdb"
        with duckdb.connect(str(path)) as database:
            database.begin()
            for statement, rows in _load(tables):
                for row in rows:
                    database.execute(statement.replace("%s", "?"), row)
            database.commit()
        reached: dict[str, str | int] = {
            "host": str(self._socket),
            "port": 5432,
            "database": "judged",
            "user": "judged_reader",
            "sslmode": "prefer",
        }
        return [
            Warehouse("judged", "postgres", reached),
            Warehouse("judged", "duckdb", {"path": str(path)}),
        ]


def _load(tables: Mapping[str, Sequence[Row]]) -> Iterator[tuple[str, list[list[Any]]]]:
    yield "create schema judged", [[]]
    columns = {name.replace('"', '""'): types[0] for name, types in TYPES.items()}
    declared = ", ".join(f'"{column}" {type_}' for column, type_ in columns.items())
    places = ", ".join(["%s"] * len(columns))
    for table, rows in tables.items():
        yield f"create table {table} ({declared})", [[]]
        yield f"insert into {table} values ({places})", [[row[c] for c in TYPES] for row in rows]


@pytest.fixture(scope="module")
def warehouses(postgres: Path, tmp_path_factory: pytest.TempPathFactory) -> Warehouses:
    with psycopg.connect(superuser_url(postgres), autocommit=True) as server:
        server.execute("create role judged_reader login")
        # In the order of the bytes, in which DuckDB compares texts too.
        server.execute("create database judged template template0 lc_collate 'C'")
    return Warehouses(postgres, tmp_path_factory.mktemp("judged"))


@pytest.fixture(scope="module")
def lanes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lanes]:
    limits = LaneLimits(threads=2, max_runs=500, max_mebibytes=1024)
    lanes = Lanes(2, limits, os.environ, tmp_path_factory.mktemp("secrets"))
    yield lanes
    lanes.close()


def test_every_rule_type_has_a_reference() -> None:
    assert set(REFERENCE) == set(MAKE) == set(RULE_TYPES)


@pytest.mark.timeout(max(180, 15 * EXAMPLES))
@settings(
    max_examples=EXAMPLES,
    derandomize="REFERENCE_EXAMPLES" not in os.environ,
    database=None,
    deadline=None,
    # What is wrong is told rule by rule, with its rows: there is nothing to be shrunk.
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(example=examples())
def test_a_rule_type_counts_what_its_reference_counts(
    lanes: Lanes, warehouses: Warehouses, example: Example
) -> None:
    for rule in example.rules:
        assert not list(check_parameters(RULE_TYPES[rule.type], rule.parameters, rule.name))
    now = datetime.now(UTC).replace(tzinfo=None)
    subject, other = (settle(rows, now) for rows in (example.drawn.rows, example.drawn.other))
    judged = settle(example.drawn.judged, now)
    filled = warehouses.fill(subject, other)
    with ThreadPoolExecutor(len(filled)) as threads:
        answers = list(threads.map(lambda each: _measure(lanes, each, example), filled))
    wrong = []
    for warehouse, measured in zip(filled, answers, strict=True):
        at = WRITTEN_BY[warehouse.adapter]
        told = Judged(
            judged,
            subject,
            {name: types[at] for name, types in TYPES.items()},
            {OTHER: other},
            example.drawn.batch,
            now,
            folds_names=warehouse.adapter == "duckdb",
        )
        wrong += [
            f"{warehouse.adapter}: {expected} by the reference, {seen.rows_failed} of "
            f"{seen.rows_tested} measured: {rule.parameters} {seen.message}\n{seen.compiled_sql}"
            for rule in example.rules
            for expected, seen in [(_count(told, rule), measured[rule.name])]
            if (seen.rows_failed, seen.rows_tested) != (expected, len(judged))
        ]
    assert not wrong, "\n".join(
        [*wrong, f"{example.drawn.batch}", *map(str, subject), "other:", *map(str, other)]
    )


def _count(judged: Judged, rule: Rule) -> int | None:
    try:
        return REFERENCE[rule.type](judged, rule.parameters)
    except CannotJudge:
        return None


def _measure(lanes: Lanes, warehouse: Warehouse, example: Example) -> Mapping[str, Measurement]:
    plan = Plan(
        run_id=RunId(uuid4()),
        attempt=1,
        warehouse=warehouse,
        gate_id=1,
        table=SUBJECT,
        rule_set_hash=PROJECT,
        rules=tuple(example.rules),
        batch=example.drawn.batch,
        deadline_seconds=60,
    )
    return {each.rule: each for each in lanes.measure(plan).measurements}
