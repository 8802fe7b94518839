"""What the tiers share: the real PostgreSQL, databases of their own, and a small warehouse.

The schema under test is the one that Alembic builds; each test that asks for a store gets a copy.
"""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import duckdb
import psycopg
import pytest

from app import migrate_store
from gatekeeper.catalogue.rule_types import load_rule_types
from gatekeeper.domain.rule import RuleType
from gatekeeper.queue.jobs import Queue
from gatekeeper.store.engine import Store
from standalone.postgres import embedded_postgres, provision_database, superuser_url
from tests.kafka.fixtures import kafka, kafka_libraries, new_topic, own_broker

__all__ = ["kafka", "kafka_libraries", "new_topic", "own_broker"]

_numbers = itertools.count(1)


@pytest.fixture(autouse=True, scope="session")
def _no_settings_of_the_shell() -> None:
    """A developer's own settings must not change what a test sees."""
    for name in [name for name in os.environ if name.startswith(("STRINGX_", "DBT_", "PG"))]:
        del os.environ[name]


@pytest.fixture(scope="session")
def short_tmp() -> Iterator[Path]:
    """A directory with a path short enough for a socket, and open to the server's own user."""
    directory = Path(tempfile.mkdtemp(prefix="sx-", dir="/tmp"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres(short_tmp: Path) -> Iterator[Path]:
    """A running embedded PostgreSQL: the directory of its socket."""
    with embedded_postgres(short_tmp) as socket:
        yield socket


@pytest.fixture(scope="session")
def _migrated(postgres: Path) -> str:
    """The name of a database that Alembic has brought to the head."""
    provision_database(superuser_url(postgres), "migrated")
    store = Store(f"postgresql://migrated@/migrated?host={postgres}")
    migrate_store(store)
    store.close()
    return "migrated"


@pytest.fixture
def store(postgres: Path, _migrated: str) -> Iterator[Store]:
    """A migrated store of the test's own."""
    name = f"store_{next(_numbers)}"
    with psycopg.connect(superuser_url(postgres), autocommit=True) as server:
        server.execute(f"create database {name} template {_migrated} owner {_migrated}")
        store = Store(f"postgresql://{_migrated}@/{name}?host={postgres}", pool_size=30)
        yield store
        store.close()
        server.execute(f"drop database {name} with (force)")


@pytest.fixture
def queue() -> Queue:
    return Queue()


@pytest.fixture(scope="session")
def rule_types() -> dict[str, RuleType]:
    return load_rule_types()


@pytest.fixture(scope="session")
def warehouse(postgres: Path) -> dict[str, str | int]:
    """A small warehouse with known defects, and how to reach it as a role that may only SELECT.

    shop.orders: 10 rows; 1 without a customer, 2 of an unknown one, 1 repeated id, 3 of an odd
    status, 1 amount below zero, 2 above 100. shop.customers: 5 rows. shop.empty: none.
    """
    with psycopg.connect(superuser_url(postgres), autocommit=True) as server:
        server.execute("create role reader login")
        server.execute("create database warehouse")
    with psycopg.connect(superuser_url(postgres, "warehouse"), autocommit=True) as database:
        database.execute(_TABLES)
        database.execute(_RIGHTS)
    return {
        "host": str(postgres),
        "port": 5432,
        "database": "warehouse",
        "user": "reader",
        "sslmode": "prefer",
    }


@pytest.fixture(scope="session")
def duck_warehouse(short_tmp: Path) -> dict[str, str | int]:
    """The same small warehouse as a DuckDB file."""
    path = short_tmp / "warehouse.duckdb"
    with duckdb.connect(str(path)) as database:
        database.execute(_TABLES)
    return {"path": str(path)}


_TABLES = """
create schema shop;
create table shop.customers as select i as id from generate_series(1, 5) g(i);
create table shop.orders (id int, customer_id int, status text, amount numeric, ordered_on date);
insert into shop.orders values
    (1, 1, 'paid', 10, '2024-01-01'), (2, 2, 'paid', 20, '2024-01-02'),
    (3, 3, 'sent', 30, '2024-01-03'), (4, null, 'sent', 40, '2024-01-04'),
    (5, 77, 'lost', 50, '2024-01-05'), (6, 88, 'lost', -1, '2024-01-06'),
    (7, 5, 'LOST', 70, '2024-01-07'), (8, 5, 'paid', 101, '2024-01-08'),
    (8, 5, 'paid', 102, '2024-01-09'), (10, 5, null, null, '2024-01-10');
create table shop.empty (id int);
create schema analytics;
create view analytics.big_orders as select * from shop.orders where amount > 50;
create table shop."or""ders" (id int);
create table shop."or'ders" (id int);
create table shop."or\\ders" (id int);
create table shop."or\nders" (id int);
"""

_RIGHTS = """
create view shop.slow as select id, pg_sleep(60) is null as slept from shop.customers;
revoke all on database warehouse from public;
grant connect on database warehouse to reader;
grant usage on schema shop to reader;
grant select on all tables in schema shop to reader;
grant usage on schema analytics to reader;
grant select on all tables in schema analytics to reader;
"""
