"""The demo, run as a newcomer runs it: what it finds is known, and it leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import psycopg
import pytest

from demo.warehouse import DATABASE, READER, ROWS
from gatekeeper.store.engine import STORE
from tests.e2e.flights import COUNTS, VERDICTS, read_counts, read_verdicts
from tests.e2e.service import Home, Service

EXIT_STATUS = {"pass": 0, "fail": 1, "warn": 2}

NO_SELECT = [
    "insert into flights.airlines values ('XX', 'none')",
    "update flights.airlines set name = ''",
    "delete from flights.airlines",
    "truncate flights.airlines",
    "merge into flights.airlines using flights.planes on true when matched then delete",
    "select * from flights.airlines for update",
    "alter table flights.airlines add column more text",
    "alter table flights.airlines owner to current_user",
    "drop table flights.airlines",
    "drop schema flights cascade",
    f"drop database {STORE}",
    "create table flights.mine (id integer)",
    "create table public.mine (id integer)",
    "create table pg_catalog.mine (id integer)",
    "create temporary table mine (id integer)",
    "create schema mine",
    "create function flights.mine() returns integer language sql as 'select 1'",
    "create database mine",
    "create role mine",
    f"alter role {READER} superuser",
    "select lo_create(0)",
    "select lo_from_bytea(0, 'mine')",
    "copy flights.airlines to '/tmp/evidence'",
    "copy flights.airlines to program 'true'",
    "copy flights.airlines from program 'true'",
    "select pg_read_file('PG_VERSION')",
    "select pg_ls_dir('.')",
    "select lo_import('/etc/hostname')",
    "select passwd from pg_shadow",
    "set role postgres",
    f"set role {STORE}",
    "set role pg_write_all_data",
    "set session authorization postgres",
    "alter system set work_mem = '1GB'",
]
"""What a role that may only SELECT is refused."""


@pytest.fixture(scope="module")
def home(make_home: Callable[..., Home]) -> Home:
    return make_home()


@pytest.fixture(scope="module")
def service(home: Home) -> Iterator[Service]:
    """The service, started where the demo has been."""
    service = Service(home)
    service.start()
    yield service
    service.stop()


@pytest.mark.parametrize("time", ["first", "second"])
def test_the_demo_finds_what_is_in_the_data_and_ends(home: Home, time: str) -> None:
    status, printed = home.run("demo")
    assert status == 0, printed
    assert read_verdicts(printed) == VERDICTS
    assert read_counts(printed) == COUNTS
    home.wait_until_empty()


@pytest.mark.parametrize("table", VERDICTS)
def test_a_service_started_afterwards_knows_the_verdicts(service: Service, table: str) -> None:
    run = service.get(f"/gates/{table}/verdict")
    assert (run["verdict"], run["state"]) == (VERDICTS[table], "finished")
    assert run["open"] is (run["verdict"] != "fail")
    assert service.counts(run["id"]) == COUNTS[table]
    assert len(service.get(f"/runs?table={table}")["items"]) == 2


@pytest.mark.parametrize("table", ["flights.airlines", "flights.planes", "flights.flights"])
def test_check_exits_with_the_verdict(service: Service, home: Home, table: str) -> None:
    status, printed = home.run("check", table, STRINGX_URL=home.url)
    assert status == EXIT_STATUS[VERDICTS[table]], printed
    assert read_counts(printed) == {table: COUNTS[table]}


def test_check_of_an_unknown_gate_says_so(service: Service, home: Home) -> None:
    status, printed = home.run("check", "flights.gone", STRINGX_URL=home.url)
    assert status == 3
    assert "no gate is called 'flights.gone'" in printed


@pytest.mark.parametrize(
    ("start", "end", "verdict", "tested"),
    [("2013-01-01", "2013-02-01", "fail", 27_004), ("2014-01-01", "2014-02-01", "no_data", 0)],
)
def test_a_month_is_judged_as_a_batch(
    service: Service, start: str, end: str, verdict: str, tested: int
) -> None:
    batch = {"column": "flight_date", "from": start, "to": end}
    run = service.finish(service.trigger("flights.flights", batch))
    assert (run["verdict"], run["open"]) == (verdict, False)
    assert {rows for rows, _ in service.counts(run["id"]).values()} == {tested}


@pytest.fixture
def reader(service: Service, home: Home) -> Iterator[psycopg.Connection]:
    """A session of the role by which the runner reads the demo's warehouse."""
    with psycopg.connect(_as_reader(home, DATABASE), autocommit=True) as session:
        yield session


def _as_reader(home: Home, database: str) -> str:
    return f"postgresql://{READER}@/{database}?host={home.socket}"


def test_the_warehouse_role_reads_every_table(reader: psycopg.Connection) -> None:
    for table, rows in ROWS.items():
        found = reader.execute(f"select count(*) from flights.{table}".encode()).fetchone()
        assert found == (rows,)


@pytest.mark.parametrize("statement", NO_SELECT)
def test_the_warehouse_role_may_do_nothing_else(reader: psycopg.Connection, statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        reader.execute(statement.encode())


def test_the_warehouse_role_may_not_enter_the_store(service: Service, home: Home) -> None:
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(_as_reader(home, STORE))
