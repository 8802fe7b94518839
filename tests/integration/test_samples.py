"""Samples of failing rows: only what the gate allows, masked in the warehouse, and not for ever."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from structlog.testing import capture_logs

from api.backend import Backend
from gatekeeper import flow
from gatekeeper.configuration.apply import Manner, apply_configuration
from gatekeeper.configuration.changes import Absent
from gatekeeper.domain.errors import InvalidConfiguration
from gatekeeper.domain.run import RunId
from gatekeeper.store.engine import Store
from runner.lanes import Lanes
from tests.integration.test_recovery import sql

WAREHOUSES = """
warehouses:
  - name: shop
    connection: {{host: "{host}", database: warehouse, user: reader}}
  - name: duck
    adapter: duckdb
    connection: {{path: "{path}"}}
"""
GATE = """
gates:
  - warehouse: {warehouse}
    table: shop.orders
    samples: {samples}
    rules:
      - name: known
        type: relationships
        parameters: {{column: customer_id, to: shop.customers, field: id}}
      - {{name: positive, type: value_between, parameters: {{column: amount, min: 0}}}}
      - {{name: id_once, type: unique, parameters: {{columns: [id]}}}}
      - {{name: few, type: row_count_between, parameters: {{max: 3}}}}
      - {{name: present, type: not_null, parameters: {{column: id}}}}
      - name: own
        type: custom_sql
        parameters: {{query: "select amount as id, status from sx_batch where amount > 100"}}
"""

Answer = dict[str, list[dict[str, str | None]]]
Judge = Callable[..., Answer]


@pytest.fixture(params=["shop", "duck"])
def judge(
    request: pytest.FixtureRequest,
    client: FlaskClient,
    gates: Store,
    backend: Backend,
    lanes: Lanes,
    warehouse: dict[str, str | int],
    duck_warehouse: dict[str, str | int],
) -> Judge:
    """Judge the orders, and give the samples that were kept, by rule."""
    places = {"host": warehouse["host"], "path": duck_warehouse["path"]}

    def judge(samples: str, **more: Any) -> Answer:
        gate = (WAREHOUSES + GATE).format(warehouse=request.param, samples=samples, **places)
        apply_configuration(gates, backend.rule_types, gate, Manner(Absent.DELETE))
        body = {"warehouse": request.param, "table": "shop.orders", **more}
        run_id = client.post("/api/v1/runs", json=body).get_json()["id"]
        flow.run_attempt(gates, backend.queue, lanes.measure, RunId(UUID(run_id)))
        answer = client.get(f"/api/v1/runs/{run_id}/samples").get_json()
        return {each["rule"]: each["rows"] for each in answer["items"]}

    return judge


def test_nothing_is_kept_unless_the_gate_says_so(judge: Judge) -> None:
    assert judge("{}") == {}
    assert judge("{show: 'off', key: [id]}") == {}


def test_keys_alone_and_only_of_rows_of_the_table(judge: Judge) -> None:
    kept = judge("{show: keys, key: [id], columns: [status]}")
    assert sorted(kept) == ["id_once", "known", "positive"]
    assert sorted(str(row["id"]) for row in kept["known"]) == ["5", "6"]
    assert kept["positive"] == [{"id": "6"}]
    assert kept["id_once"] == [{"id": "8"}]


def test_listed_columns_are_masked(judge: Judge) -> None:
    kept = judge(
        "{show: columns, key: [id], columns: [status, amount, ordered_on, gone],"
        " masks: {status: partial, amount: redact, ordered_on: hash}}"
    )
    (row,) = kept["positive"]
    assert {**row, "ordered_on": None} == {
        "id": "6",
        "status": "***",
        "amount": "***",
        "ordered_on": None,
    }
    assert len(str(row["ordered_on"])) == 64
    again = judge("{show: columns, key: [id], columns: [ordered_on], masks: {ordered_on: hash}}")
    assert again["positive"][0]["ordered_on"] == row["ordered_on"]


def test_a_missing_value_is_shown_as_one(judge: Judge) -> None:
    masks = "{customer_id: hash, id: partial}"
    kept = judge(f"{{show: columns, key: [id], columns: [customer_id], masks: {masks}}}")
    assert {row["customer_id"] is None for row in kept["known"]} == {False}
    assert {row["id"] for row in kept["known"]} == {"***"}


def test_the_query_itself_gives_no_more_rows_than_are_kept(judge: Judge) -> None:
    assert len(judge("{show: keys, key: [id], rows: 1}")["known"]) == 1


def test_a_batch_bounds_the_samples(judge: Judge) -> None:
    kept = judge("{show: keys, key: [id]}", batch={"column": "id", "through": 5})
    assert kept["known"] == [{"id": "5"}]
    assert "positive" not in kept


def test_reading_is_logged_and_no_value_is(judge: Judge) -> None:
    with capture_logs() as logs:
        kept = judge("{show: columns, key: [id], columns: [ordered_on]}")
    assert kept["positive"][0]["ordered_on"] == "2024-01-06"
    (read,) = [line for line in logs if line.get("action") == "samples_read"]
    assert read["rules"] == ["id_once", "known", "positive"]
    assert "2024-01-06" not in str(logs)


def test_samples_are_forgotten_when_their_time_is_over(judge: Judge, gates: Store) -> None:
    assert judge("{show: keys, key: [id], keep_hours: 1}")
    flow.forget(gates)
    assert sql(gates, "select * from samples where expires_at < now() + interval '1 hour'")
    sql(gates, "update samples set expires_at = now()")
    flow.forget(gates)
    assert sql(gates, "select * from samples") == []


@pytest.mark.parametrize(
    ("samples", "path"),
    [
        ("{show: keys}", "gates.0.samples"),
        ("{show: columns, key: [id]}", "gates.0.samples"),
        ("{show: all, key: [id]}", "gates.0.samples.show"),
        ("{show: keys, key: [id], rows: 101}", "gates.0.samples.rows"),
        ("{show: keys, key: [id], masks: {status: hash}}", "gates.0.samples"),
        ("{show: keys, key: [id], masks: {id: rot13}}", "gates.0.samples.masks.id"),
        ("{show: keys, key: [id], keep_hours: 0}", "gates.0.samples.keep_hours"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(
    gates: Store, backend: Backend, samples: str, path: str
) -> None:
    gate = GATE.format(warehouse="shop", samples=samples)
    with pytest.raises(InvalidConfiguration) as caught:
        apply_configuration(gates, backend.rule_types, gate)
    assert [problem.path for problem in caught.value.problems] == [path]
