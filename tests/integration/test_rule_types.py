"""Every rule type counts the same on PostgreSQL and on DuckDB: what its seed says.

stringx/seeds/<rule type>.yml holds the tables, of which `subject` is the judged one, and cases:
parameters, perhaps a batch, and the rows that fail or the error that it must give.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb
import psycopg
import pytest
import yaml

from gatekeeper.catalogue.rule_types import check_parameters
from gatekeeper.domain.batch import parse_batch
from gatekeeper.domain.errors import RunnerError
from gatekeeper.domain.gate import Warehouse
from gatekeeper.domain.plan import Plan
from gatekeeper.domain.rule import Kind, Rule, RuleType, Severity, build_rule_set
from gatekeeper.domain.run import RunId
from gatekeeper.domain.verdict import Measurement
from gatekeeper.settings import ROOT
from runner.lane_process import LaneLimits
from runner.lanes import Lanes
from standalone.postgres import superuser_url

SEEDS = ROOT / "stringx" / "seeds"
RULE_TYPES = sorted(path.stem for path in (ROOT / "stringx" / "rule_types").glob("*.sql"))

# One of each shape, one that knows the columns, one that reads another table.
ON_PARQUET = [
    "value_between",
    "aggregate_between",
    "unique",
    "no_date_gaps",
    "schema_matches",
    "matches_reference",
]

VIEW = (
    b"create view columns_present.seen as select id as one, id as two from columns_present.subject"
)

Seed = Mapping[str, Any]


@pytest.fixture(scope="module")
def seeds() -> dict[str, Seed]:
    return {path.stem: yaml.safe_load(path.read_text("utf-8")) for path in SEEDS.glob("*.yml")}


@pytest.fixture(scope="module")
def seeded(postgres: Path, short_tmp: Path, seeds: dict[str, Seed]) -> dict[str, Warehouse]:
    """The two warehouses with the tables of all seeds."""
    with psycopg.connect(superuser_url(postgres), autocommit=True) as server:
        server.execute("create role seed_reader login")
        server.execute("create database seeds")
    with psycopg.connect(superuser_url(postgres, "seeds")) as database:
        for statement, rows in _load(seeds):
            with database.cursor() as cursor:
                cursor.executemany(statement.encode(), rows)
        database.execute(VIEW)
        database.execute(VIEW.replace(b"view", b"materialized view").replace(b"seen", b"kept"))
        for name in seeds:
            database.execute(f'grant usage on schema "{name}" to seed_reader'.encode())
            database.execute(
                f'grant select on all tables in schema "{name}" to seed_reader'.encode()
            )
    path = short_tmp / "seeds.duckdb"
    with duckdb.connect(str(path)) as database:
        database.begin()
        for statement, rows in _load(seeds):
            for row in rows:
                database.execute(statement.replace("%s", "?"), row)
        database.execute(VIEW.decode())
        database.commit()
    reached: dict[str, str | int] = {
        "host": str(postgres),
        "port": 5432,
        "database": "seeds",
        "user": "seed_reader",
    }
    return {
        "postgres": Warehouse("seeds", "postgres", {**reached, "sslmode": "prefer"}),
        "duckdb": Warehouse("seeds", "duckdb", {"path": str(path)}),
    }


@pytest.fixture(scope="module")
def on_parquet(
    seeded: dict[str, Warehouse], seeds: dict[str, Seed], tmp_path_factory: pytest.TempPathFactory
) -> Warehouse:
    """A DuckDB file without a table: the same tables are Parquet files, which its views read."""
    folder = tmp_path_factory.mktemp("parquet")
    path = folder.with_name("parquet.duckdb")
    names = [(name, table) for name in ON_PARQUET for table in seeds[name]["tables"]]
    with duckdb.connect(str(seeded["duckdb"].connection["path"]), read_only=True) as tables:
        for name, table in names:
            file = str(folder / f"{name}.{table}.parquet")
            tables.table(f'"{name}"."{table}"').write_parquet(file)
    with duckdb.connect(str(path)) as views:
        for name, table in names:
            file = str(folder / f"{name}.{table}.parquet")
            views.execute(f'create schema if not exists "{name}"')
            views.execute(f"""create view "{name}"."{table}" as select * from '{file}'""")
    return Warehouse("seeds", "duckdb", {"path": str(path), "files": str(folder)})


def _load(seeds: Mapping[str, Seed]) -> Iterator[tuple[str, list[list[Any]]]]:
    """Give each statement that builds the seeds' tables, with the rows to carry it out for."""
    for name, seed in seeds.items():
        yield f'create schema "{name}"', [[]]
        for table, content in seed["tables"].items():
            columns = {
                column.replace('"', '""'): type_ for column, type_ in content["columns"].items()
            }
            declared = ", ".join(f'"{column}" {type_}' for column, type_ in columns.items())
            yield f'create table "{name}"."{table}" ({declared})', [[]]
            places = ", ".join(["%s"] * len(columns))
            rows = [[_value(value) for value in row] for row in content["rows"]]
            yield f'insert into "{name}"."{table}" values ({places})', rows


def _value(value: Any) -> Any:
    """A value as it stands in the seed, or a time before now."""
    if isinstance(value, Mapping):
        return str(datetime.now(UTC) - timedelta(hours=value["hours_ago"]))
    return str(value) if isinstance(value, float) else value


@pytest.fixture(scope="module")
def lanes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lanes]:
    limits = LaneLimits(threads=2, max_runs=500, max_mebibytes=1024)
    lanes = Lanes(2, limits, os.environ, tmp_path_factory.mktemp("secrets"))
    yield lanes
    lanes.close()


def test_every_rule_type_has_a_seed(seeds: dict[str, Seed]) -> None:
    assert sorted(seeds) == RULE_TYPES


@pytest.mark.parametrize("name", RULE_TYPES)
def test_a_seed_says_enough(seeds: dict[str, Seed], name: str) -> None:
    cases = seeds[name]["cases"]
    counts = [case["rows_failed"] for case in cases if "rows_failed" in case]
    assert counts.count(0) >= 1
    assert len([count for count in counts if count > 0]) >= 2
    assert any("batch" in case for case in cases)


@pytest.mark.parametrize("name", RULE_TYPES)
def test_a_rule_type_counts_what_its_seed_says(
    lanes: Lanes,
    seeds: dict[str, Seed],
    seeded: Mapping[str, Warehouse],
    rule_types: dict[str, RuleType],
    name: str,
) -> None:
    cases = seeds[name]["cases"]
    for case in cases:
        assert not list(check_parameters(rule_types[name], case["parameters"], "parameters"))
    with ThreadPoolExecutor(len(seeded)) as threads:
        measured = threads.map(
            lambda warehouse: _measure(lanes, warehouse, rule_types[name], cases), seeded.values()
        )
    wrong = [
        f"{adapter}: {told}"
        for adapter, measurements in zip(seeded, measured, strict=True)
        for told in _find_wrong(cases, measurements)
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", ON_PARQUET)
def test_a_rule_type_counts_the_same_on_parquet(
    lanes: Lanes,
    seeds: dict[str, Seed],
    on_parquet: Warehouse,
    rule_types: dict[str, RuleType],
    name: str,
) -> None:
    cases = seeds[name]["cases"]
    wrong = _find_wrong(cases, _measure(lanes, on_parquet, rule_types[name], cases))
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("adapter", "table"), [("postgres", "seen"), ("postgres", "kept"), ("duckdb", "seen")]
)
def test_a_view_has_columns(
    lanes: Lanes,
    seeded: Mapping[str, Warehouse],
    rule_types: dict[str, RuleType],
    adapter: str,
    table: str,
) -> None:
    cases = [{"parameters": {"columns": ["one", "two", "id"]}}]
    (measured,) = _measure(
        lanes, seeded[adapter], rule_types["columns_present"], cases, f"columns_present.{table}"
    )
    assert (measured.rows_failed, measured.message) == (1, "")


def test_a_table_that_is_not_there_is_an_error(
    lanes: Lanes, seeded: Mapping[str, Warehouse], rule_types: dict[str, RuleType]
) -> None:
    cases = [{"parameters": {"columns": ["id"]}}]
    for warehouse in seeded.values():
        with pytest.raises(RunnerError, match="does not exist"):
            _measure(lanes, warehouse, rule_types["columns_present"], cases, "columns_present.gone")


@pytest.mark.parametrize("name", ["not_null", "main"])
def test_a_file_may_be_called_like_a_schema(
    lanes: Lanes,
    seeded: Mapping[str, Warehouse],
    rule_types: dict[str, RuleType],
    short_tmp: Path,
    name: str,
) -> None:
    path = short_tmp / f"{name}.duckdb"
    shutil.copy(str(seeded["duckdb"].connection["path"]), path)
    warehouse = Warehouse("seeds", "duckdb", {"path": str(path)})
    cases = [{"parameters": {"columns": ["id"]}}, {"parameters": {"columns": ["gone"]}}]
    table = "not_null.subject"
    measured = _measure(lanes, warehouse, rule_types["columns_present"], cases, table)
    assert [each.rows_failed for each in measured] == [0, 1]


def _find_wrong(
    cases: Sequence[Mapping[str, Any]], measurements: Sequence[Measurement]
) -> list[str]:
    return [
        f"{case} gave {each.rows_failed} {each.message}\n{each.compiled_sql}"
        for case, each in zip(cases, measurements, strict=True)
        if not _is_as_told(case, each)
    ]


def _is_as_told(case: Mapping[str, Any], measured: Measurement) -> bool:
    if "error" in case:
        return measured.rows_failed is None and bool(
            re.search(case["error"], measured.message, re.IGNORECASE)
        )
    return bool(measured.rows_failed == case["rows_failed"])


def _measure(
    lanes: Lanes,
    warehouse: Warehouse,
    rule_type: RuleType,
    cases: Sequence[Mapping[str, Any]],
    table: str = "",
) -> list[Measurement]:
    """Measure each case on its batch. One rule set holds them all, so that dbt parses but once."""
    rules = [
        Rule(
            f"case_{number:02}",
            rule_type.name,
            case["parameters"],
            Kind.ENGINEERING,
            rule_type.dimension,
            rule_type.entity,
            Severity.ERROR,
        )
        for number, case in enumerate(cases)
    ]
    rule_set = build_rule_set(rules)
    measured: dict[str, Measurement] = {}
    batches = [case.get("batch") for case in cases]
    for batch in [each for at, each in enumerate(batches) if each not in batches[:at]]:
        plan = Plan(
            run_id=RunId(uuid4()),
            attempt=1,
            warehouse=warehouse,
            gate_id=1,
            table=table or f"{rule_type.name}.subject",
            rule_set_hash=rule_set.hash,
            rules=rule_set.rules,
            batch=parse_batch(batch) if batch else None,
            deadline_seconds=60,
        )
        for each in lanes.measure(plan).measurements:
            if cases[int(each.rule.removeprefix("case_"))].get("batch") == batch:
                measured[each.rule] = each
    return [measured[rule.name] for rule in rules]
