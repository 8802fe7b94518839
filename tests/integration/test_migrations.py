"""The schema that Alembic builds is the one that the code means."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from app import migrate_store
from gatekeeper.settings import ROOT
from gatekeeper.store.engine import Store
from gatekeeper.store.migrations import pending_migration
from gatekeeper.store.tables import metadata
from standalone.postgres import provision_database, superuser_url


@pytest.fixture
def bare_store(postgres: Path) -> Store:
    with psycopg.connect(superuser_url(postgres), autocommit=True) as server:
        server.execute("drop database if exists bare with (force)")
    provision_database(superuser_url(postgres), "bare")
    return Store(f"postgresql://bare@/bare?host={postgres}")


WRITTEN_BEFORE = """
insert into warehouses (name, adapter, connection) values ('shop', 'postgres', '{}');
insert into gates
    (warehouse_id, table_name, description, mode, opens_on, on_no_data, deadline_seconds,
     rule_set_hash)
    select id, 'shop.orders', '', 'async', '{pass}', 'fail', 600, 'h' from warehouses;
insert into rule_sets (gate_id, hash, rules, author) select id, 'h', '[]', '' from gates;
insert into requests (id, gate_id, trigger, question, received_at)
    select gen_random_uuid(), id, 'http', '{}', now() from gates;
insert into runs (id, request_id, gate_id, rule_set_hash, state)
    select gen_random_uuid(), id, gate_id, 'h', 'queued' from requests;
"""
"""What the first release writes, by the columns that it knows."""


def relations(store: Store) -> set[str]:
    with psycopg.connect(store.conninfo) as connection:
        rows = connection.execute(
            "select relname from pg_class where relnamespace = 'public'::regnamespace "
            "union all select proname from pg_proc where pronamespace = 'public'::regnamespace "
            "union all select typname from pg_type where typnamespace = 'public'::regnamespace"
        ).fetchall()
    return {name for (name,) in rows}


def test_up_down_up(bare_store: Store) -> None:
    before = relations(bare_store)
    migrate_store(bare_store)
    built = relations(bare_store)
    assert {"runs", "results", "procrastinate_jobs"} <= built
    migrate_store(bare_store, "base", down=True)
    left = relations(bare_store) - before
    assert left == {"alembic_version", "_alembic_version", "alembic_version_pkc"}
    migrate_store(bare_store)
    assert relations(bare_store) == built
    bare_store.close()


def test_autogenerate_finds_nothing_to_do(store: Store) -> None:
    with store.transaction() as tx:
        context = MigrationContext.configure(
            tx,
            opts={
                "compare_type": True,
                "compare_server_default": True,
                "include_name": lambda name, kind, _: (
                    kind != "table" or not name.startswith("procrastinate_")
                ),
            },
        )
        assert compare_metadata(context, metadata) == []


def test_two_at_once_take_turns(bare_store: Store) -> None:
    command = [sys.executable, str(ROOT / "app.py"), "migrate"]
    environment = {**os.environ, "STRINGX_DATABASE_URL": bare_store.conninfo}
    both = [
        subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    errors = [process.communicate(timeout=60)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], errors
    with bare_store.transaction() as tx:
        assert pending_migration(tx) is None
    bare_store.close()


def test_what_the_release_before_writes_is_judged_and_no_trial(store: Store) -> None:
    with psycopg.connect(store.conninfo) as connection:
        connection.execute(WRITTEN_BEFORE)
        assert connection.execute("select purpose from runs").fetchall() == [("judge",)]
        assert connection.execute("select proposed from rule_sets").fetchall() == [(False,)]


def test_a_store_behind_says_so(bare_store: Store) -> None:
    migrate_store(bare_store, "0001")
    with bare_store.transaction() as tx:
        assert "python app.py migrate" in (pending_migration(tx) or "")
    bare_store.close()


def start_verb(url: str, verb: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(ROOT / "app.py"), verb],
        env={**os.environ, "STRINGX_DATABASE_URL": url},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def read_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def test_a_later_releases_schema_will_do_and_is_left_as_it_is(store: Store) -> None:
    with store.transaction() as tx:
        tx.execute(text("update alembic_version set version_num = '9999'"))
    migrate = start_verb(store.conninfo, "migrate")
    assert "it is left as it is" in migrate.communicate(timeout=60)[0]
    assert migrate.returncode == 0
    with store.transaction() as tx:
        assert tx.execute(text("select version_num from alembic_version")).scalar() == "9999"
        assert pending_migration(tx) is None


def test_a_schema_is_awaited(bare_store: Store) -> None:
    migrate_store(bare_store, "0001")
    waiting = start_verb(bare_store.conninfo, "await-store")
    assert "the schema is at 0001" in read_line(waiting)
    assert waiting.poll() is None
    migrate_store(bare_store)
    waiting.communicate(timeout=30)
    assert waiting.returncode == 0
    bare_store.close()


def test_a_store_that_is_away_is_awaited() -> None:
    waiting = start_verb("postgresql://nobody@127.0.0.1:1/none", "await-store")
    assert "can't be reached" in read_line(waiting)
    assert waiting.poll() is None
    waiting.terminate()
    waiting.communicate(timeout=30)
