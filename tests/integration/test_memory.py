"""What a gate remembers of a table that changes: its columns, and how far it was judged open."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from flask.testing import FlaskClient

from api.backend import Backend
from gatekeeper import flow
from gatekeeper.configuration.apply import apply_configuration
from gatekeeper.domain.run import RunId
from gatekeeper.store.engine import Store
from runner.lanes import Lanes
from standalone.postgres import superuser_url

GATE = """
gates:
  - warehouse: shop
    table: shop.events
    rules:
      - {name: size_present, type: not_null, parameters: {column: size}}
      - {name: id_unique, type: unique, parameters: {columns: [id]}}
"""


@pytest.fixture
def events(warehouse: dict[str, str | int]) -> Iterator[psycopg.Connection]:
    """The table's owner, at shop.events with three rows."""
    socket = Path(str(warehouse["host"]))
    with psycopg.connect(superuser_url(socket, "warehouse"), autocommit=True) as owner:
        owner.execute("create table shop.events (id int, size int, at timestamptz)")
        owner.execute("insert into shop.events select i, i, now() from generate_series(1, 3) g(i)")
        owner.execute("grant select on shop.events to reader")
        yield owner
        owner.execute("drop table shop.events")


Judge = Callable[..., dict[str, object]]


@pytest.fixture
def judge(client: FlaskClient, gates: Store, backend: Backend, lanes: Lanes) -> Judge:
    def judge(**more: object) -> dict[str, object]:
        body = {"table": "shop.events", **more}
        run_id = client.post("/api/v1/runs", json=body).get_json()["id"]
        flow.run_attempt(gates, backend.queue, lanes.measure, RunId(UUID(run_id)))
        run: dict[str, object] = client.get(f"/api/v1/runs/{run_id}").get_json()
        checks = client.get(f"/api/v1/runs/{run_id}/results").get_json()["checks"]
        return {**run, "checks": {check["rule"]: check for check in checks}}

    return judge


@pytest.fixture
def apply(gates: Store, backend: Backend) -> Callable[[str], None]:
    def apply(text: str) -> None:
        apply_configuration(gates, backend.rule_types, text)

    apply(GATE)
    return apply


def outcomes(run: dict[str, object]) -> dict[str, str]:
    return {rule: check["outcome"] for rule, check in run["checks"].items()}  # type: ignore[attr-defined]


COLUMNS = "/api/v1/gates/shop.events/columns"


@pytest.mark.usefixtures("apply")
def test_a_changed_type_is_an_error_that_names_it_until_it_is_accepted(
    judge: Judge, client: FlaskClient, events: psycopg.Connection
) -> None:
    assert client.get(COLUMNS).get_json()["columns"] == {}
    assert judge()["verdict"] == "pass"
    found = client.get(COLUMNS).get_json()["columns"]
    assert list(found.items())[:2] == [("id", "integer"), ("size", "integer")]
    events.execute("alter table shop.events alter column size type text using size::text")
    changed = judge()
    assert changed["verdict"] == "error"
    assert outcomes(changed) == {"size_present": "error", "id_unique": "pass"}
    message = changed["checks"]["size_present"]["message"]  # type: ignore[index]
    assert "the column size was integer and is text now" in message
    assert judge()["verdict"] == "error"
    assert client.delete(COLUMNS).status_code == 204
    assert judge()["verdict"] == "pass"
    assert client.get(COLUMNS).get_json()["columns"]["size"] == "text"


@pytest.mark.usefixtures("apply")
def test_a_column_that_is_gone_is_named_and_a_new_one_is_no_drift(
    judge: Judge, events: psycopg.Connection
) -> None:
    judge()
    events.execute("alter table shop.events add column more text, drop column size")
    gone = judge()
    assert outcomes(gone) == {"size_present": "error", "id_unique": "pass"}
    message = gone["checks"]["size_present"]["message"]  # type: ignore[index]
    assert "the column size (integer) is gone" in message


@pytest.mark.usefixtures("apply")
def test_the_batchs_own_column_drifts_for_every_rule(
    judge: Judge, events: psycopg.Connection
) -> None:
    assert judge(batch={"column": "at", "from": "2000-01-01"})["verdict"] == "pass"
    events.execute("alter table shop.events alter column at type text using at::text")
    drifted = judge(batch={"column": "at", "from": "2000-01-01"})
    assert set(outcomes(drifted).values()) == {"error"}


def test_an_incremental_gate_goes_on_from_what_was_judged_open(
    judge: Judge, apply: Callable[[str], None], client: FlaskClient, events: psycopg.Connection
) -> None:
    apply(GATE.replace("    rules:", "    incremental: id\n    rules:"))
    gate = "/api/v1/gates/shop.events"

    def watermark() -> str | None:
        value: str | None = client.get(gate).get_json()["watermark"]
        return value

    assert judge()["batch"] == {"column": "id", "through": "3"}
    assert watermark() == "3"
    events.execute("insert into shop.events values (4, null, now())")
    closed = judge()
    assert (closed["batch"], closed["open"]) == (
        {"column": "id", "after": "3", "through": "4"},
        False,
    )
    assert watermark() == "3"
    events.execute("update shop.events set size = 4; insert into shop.events values (10, 1, now())")
    assert judge()["batch"] == {"column": "id", "after": "3", "through": "10"}
    assert watermark() == "10"
    nothing_new = judge()
    assert (nothing_new["verdict"], nothing_new["batch"]) == (
        "no_data",
        {"column": "id", "after": "10"},
    )
    assert judge(batch={"column": "id", "values": [1]})["verdict"] == "pass"
    assert watermark() == "10"
    assert client.delete(f"{gate}/watermark").status_code == 204
    assert judge()["batch"] == {"column": "id", "through": "10"}
    apply(GATE.replace("    rules:", "    incremental: at\n    rules:"))
    assert watermark() is None
    judge()
    assert str(watermark()).startswith("20")
    assert judge()["verdict"] == "no_data"
