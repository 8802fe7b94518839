"""Gates that are judged by a dbt project of the user's own, with real dbt through the lanes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from api.backend import Backend
from api.factory import create_app
from gatekeeper import flow
from gatekeeper.configuration.apply import apply_configuration
from gatekeeper.configuration.export import load_document
from gatekeeper.configuration.text import render_document
from gatekeeper.domain.batch import Batch, Range
from gatekeeper.domain.errors import InvalidConfiguration, RunnerError
from gatekeeper.domain.gate import DbtProject
from gatekeeper.domain.rule import Dimension, Entity, Kind, RuleType, Severity, build_rule_set
from gatekeeper.domain.run import RunId
from gatekeeper.domain.verdict import Check, Measured, Outcome, judge_checks
from gatekeeper.store.engine import Store
from runner.lane_process import LaneLimits
from runner.lanes import Lanes
from runner.project import DBT_PROJECT
from standalone.postgres import superuser_url
from tests.integration.test_lanes import plan, rule

SHOP = Path(__file__).parent.parent / "projects" / "shop"
Place = dict[str, str | int]


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The projects that the runner has: the shop's, with its package installed."""
    projects = tmp_path_factory.mktemp("projects")
    shutil.copytree(SHOP, projects / "shop")
    package = projects / "shop" / "packages" / "my_utils"
    shutil.copytree(package, projects / "shop" / "dbt_packages" / "my_utils")
    return projects


@pytest.fixture(scope="module")
def lanes(projects: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lanes]:
    limits, secrets = LaneLimits(2, 500, 1024), tmp_path_factory.mktemp("secrets")
    lanes = Lanes(1, limits, os.environ, secrets, DBT_PROJECT, projects)
    yield lanes
    lanes.close()


def measure(lanes: Lanes, place: Place, select: str, batch: Batch | None = None) -> Measured:
    own = DbtProject("shop", select, "shop")
    return lanes.measure(replace(plan(place, batch=batch), dbt_project=own))


def judge(measured: Measured) -> dict[str, Check]:
    checks = judge_checks(build_rule_set([]), measured)
    return {check.rule.name.removeprefix("dbt."): check for check in checks}


def outcomes(measured: Measured) -> dict[str, str]:
    return {name: check.outcome.value for name, check in judge(measured).items()}


AT_LEAST = "amount_is_at_least"
KNOWN = "source_relationships_shop_orders_customer_id__id__source_shop_customers_"
CUSTOMER = "source_not_null_shop_orders_customer_id"
ID, ID_ONCE = "source_not_null_shop_orders_id", "source_unique_shop_orders_id"
LOWER, NEGATIVE, LATEST = (
    "status_is_lower_case",
    "no_order_is_negative",
    "latest_orders_have_a_status",
)


def test_each_test_is_a_check_with_dbts_own_verdict(lanes: Lanes, either: Place) -> None:
    measured = measure(lanes, either, "source:shop.orders")
    assert outcomes(measured) == {
        AT_LEAST: "warn",
        KNOWN: "warn",
        CUSTOMER: "pass",
        ID: "pass",
        ID_ONCE: "fail",
        LOWER: "fail",
        NEGATIVE: "fail",
        LATEST: "fail",
    }
    checks = judge(measured)
    counted = {name: check.measurement.rows_failed for name, check in checks.items()}
    assert counted[KNOWN] == 2
    assert counted[AT_LEAST] == counted[LOWER] == counted[NEGATIVE] == 1
    assert {name: check.measurement.rows_tested for name, check in checks.items()} == {
        **dict.fromkeys(checks, 10),
        AT_LEAST: 9,
    }


def test_what_dbt_and_meta_say_of_a_test_is_in_its_rule(lanes: Lanes, either: Place) -> None:
    checks = judge(measure(lanes, either, "source:shop.orders"))
    at_least, known = checks[AT_LEAST].rule, checks[KNOWN].rule
    assert at_least.type == "my_utils.expression_is_true"
    assert (at_least.kind, at_least.dimension) == (Kind.BUSINESS, Dimension.ACCURACY)
    assert (at_least.owner, at_least.severity) == ("sales", Severity.WARN)
    assert at_least.parameters["where"] == "status is not null"
    assert (known.warn_above, known.error_above, known.columns) == ("0", "10", ("customer_id",))
    assert known.dimension is Dimension.CONSISTENCY
    assert checks[CUSTOMER].rule.error_above == "1"
    assert (checks[LOWER].rule.type, checks[LOWER].rule.entity) == ("lower_case", Entity.COLUMN)
    assert checks[NEGATIVE].rule.type == "singular"
    assert "not (" in str(checks[AT_LEAST].measurement.compiled_sql)


def test_a_batch_narrows_generic_tests_and_says_where_it_does_not(
    lanes: Lanes, either: Place
) -> None:
    measured = measure(lanes, either, "source:shop.orders", Range("id", after=8))
    assert outcomes(measured) == {
        AT_LEAST: "no_data",
        KNOWN: "pass",
        CUSTOMER: "pass",
        ID: "pass",
        ID_ONCE: "pass",
        LOWER: "pass",
        NEGATIVE: "fail",
        LATEST: "fail",
    }
    checks = judge(measured)
    assert {checks[name].measurement.rows_tested for name in (KNOWN, ID, LATEST)} == {1}
    assert "judged on the whole table" in checks[NEGATIVE].measurement.message
    assert checks[LATEST].measurement.message == ""
    again = measure(lanes, either, "source:shop.orders")
    assert judge(again)[ID].measurement.rows_tested == 10


@pytest.mark.parametrize(
    ("select", "tests"),
    [
        ("tag:gate", 8),
        ("source:shop.orders,test_name:unique", 1),
        (f"{LOWER} {NEGATIVE}", 2),
        ("source:shop.customers,test_name:not_null", 1),
    ],
)
def test_the_selector_is_dbts(lanes: Lanes, warehouse: Place, select: str, tests: int) -> None:
    assert len(measure(lanes, warehouse, select).dbt_tests) == tests


def test_a_model_is_looked_for_in_the_schema_that_the_gate_names(
    lanes: Lanes, either: Place
) -> None:
    own = DbtProject("shop", "big_orders", "analytics")
    a_plan = replace(plan(either, table="analytics.big_orders"), dbt_project=own)
    (check,) = judge(lanes.measure(a_plan)).values()
    assert (check.outcome, check.measurement.rows_tested) == (Outcome.PASS, 3)
    elsewhere = replace(own, target_schema="shop")
    (check,) = judge(lanes.measure(replace(a_plan, dbt_project=elsewhere))).values()
    assert check.outcome is Outcome.ERROR


def test_rules_and_a_projects_tests_are_judged_together(lanes: Lanes, either: Place) -> None:
    own = DbtProject("shop", LOWER, "shop")
    rules = rule("known", "not_null", column="customer_id"), rule("id", "not_null", column="id")
    a_plan = replace(plan(either, *rules), dbt_project=own)
    checks = judge_checks(build_rule_set(rules), lanes.measure(a_plan))
    assert {check.rule.name: check.outcome.value for check in checks} == {
        "id": "pass",
        "known": "fail",
        f"dbt.{LOWER}": "fail",
    }


def test_a_selector_that_selects_nothing_could_not_judge(lanes: Lanes, warehouse: Place) -> None:
    with pytest.raises(RunnerError, match="'nothing' selects no test of the dbt project shop"):
        measure(lanes, warehouse, "nothing")


def test_a_project_that_the_runner_lacks_is_named(lanes: Lanes, warehouse: Place) -> None:
    own = DbtProject("gone", "orders", "shop")
    with pytest.raises(RunnerError, match="this runner has no dbt project 'gone'"):
        lanes.measure(replace(plan(warehouse), dbt_project=own))


def test_a_changed_file_is_seen_and_what_dbt_can_not_read_is_said(
    lanes: Lanes, warehouse: Place, projects: Path
) -> None:
    file = projects / "shop" / "tests" / "no_order_is_negative.sql"
    before = file.read_text()
    try:
        file.write_text(before.replace("< 0", "< -5"))
        assert outcomes(measure(lanes, warehouse, NEGATIVE)) == {NEGATIVE: "pass"}
        file.write_text("select * from {{ source('shop', 'gone') }}")
        with pytest.raises(
            RunnerError, match=r"could not parse the rules(.|\n)*shop.gone"
        ) as caught:
            measure(lanes, warehouse, NEGATIVE)
        assert not caught.value.transient
    finally:
        file.write_text(before)
    assert outcomes(measure(lanes, warehouse, NEGATIVE)) == {NEGATIVE: "fail"}


def test_a_project_only_reads(lanes: Lanes, projects: Path, postgres: Path) -> None:
    """Even where the role may do anything; and its own folder is left as it was."""
    root: Place = {
        "host": str(postgres),
        "port": 5432,
        "database": "warehouse",
        "user": "postgres",
        "sslmode": "prefer",
    }
    test = projects / "shop" / "tests" / "writes.sql"
    test.write_text("{% do run_query('create table shop.written ()') if execute %} select 1 as a")
    before = sorted(path.relative_to(projects) for path in projects.rglob("*"))
    try:
        checks = judge(measure(lanes, root, "writes source:shop.orders,test_name:unique"))
    finally:
        test.unlink()
    assert checks["writes"].outcome is Outcome.ERROR
    assert "read-only transaction" in checks["writes"].measurement.message
    assert checks[ID_ONCE].outcome is Outcome.FAIL
    assert sorted(path.relative_to(projects) for path in projects.rglob("*") if path != test) == [
        path for path in before if path.name != "writes.sql"
    ]
    with psycopg.connect(superuser_url(postgres, "warehouse")) as owner:
        schemas = owner.execute("select nspname from pg_namespace").fetchall()
    assert not [name for (name,) in schemas if "audit" in name]


GATE = """
gates:
  - warehouse: shop
    table: shop.ledger
    dbt_project: {folder: shop, select: "source:shop.orders,test_name:unique"}
"""


def test_a_gate_may_have_no_rule_but_a_project(
    gates: Store, backend: Backend, rule_types: dict[str, RuleType], lanes: Lanes
) -> None:
    apply_configuration(gates, rule_types, GATE.replace("ledger", "orders"))
    apply_configuration(gates, rule_types, GATE.replace("ledger", "unruly"))
    with gates.transaction() as tx:
        exported = render_document(load_document(tx, rule_types))
    assert apply_configuration(gates, rule_types, exported) == []
    with create_app(backend).test_client() as client:
        gate = client.get("/api/v1/gates/shop.orders").get_json()
        assert gate["dbt_project"]["target_schema"] == "shop"
        run = client.post("/api/v1/runs", json={"table": "shop.orders"}).get_json()
        flow.run_attempt(gates, backend.queue, lanes.measure, RunId(UUID(run["id"])))
        run = client.get(f"/api/v1/runs/{run['id']}").get_json()
        assert (run["verdict"], run["counts"]["expected"]) == ("fail", 3)
        results = client.get(f"/api/v1/runs/{run['id']}/results").get_json()["checks"]
        assert [check["rule"] for check in results][-1] == "id_unique"
        assert results[1]["rule"] == f"dbt.{ID_ONCE}"
        assert client.post("/api/v1/runs", json={"table": "shop.unruly"}).status_code == 202


@pytest.mark.parametrize(
    ("project", "path"),
    [
        ("{folder: ../shop, select: orders}", "gates.0.dbt_project.folder"),
        ("{folder: /shop, select: orders}", "gates.0.dbt_project.folder"),
        ("{folder: shop/.., select: orders}", "gates.0.dbt_project.folder"),
        ("{folder: shop, select: --full-refresh}", "gates.0.dbt_project.select"),
        ("{folder: shop}", "gates.0.dbt_project.select"),
    ],
)
def test_a_project_elsewhere_is_refused(
    gates: Store, rule_types: dict[str, RuleType], project: str, path: str
) -> None:
    text = GATE.replace('{folder: shop, select: "source:shop.orders,test_name:unique"}', project)
    with pytest.raises(InvalidConfiguration) as caught:
        apply_configuration(gates, rule_types, text)
    assert [problem.path for problem in caught.value.problems] == [path]
