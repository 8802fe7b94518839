"""Gates on the small warehouse, and a backend around the test's own store."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest
from flask.testing import FlaskClient

from api.backend import Backend
from api.factory import create_app
from gatekeeper.configuration.apply import apply_configuration
from gatekeeper.configuration.document import RuleDocument
from gatekeeper.configuration.propose import propose_rule
from gatekeeper.domain.plan import Plan
from gatekeeper.domain.rule import RuleSet, RuleType
from gatekeeper.domain.verdict import Measured, Measurement
from gatekeeper.queue.jobs import Queue
from gatekeeper.store.engine import Store
from gatekeeper.store.listener import VerdictListener
from runner.lane_process import LaneLimits
from runner.lanes import Lanes

GATES = """
warehouses:
  - name: shop
    connection: {{host: "{host}", database: warehouse, user: reader}}
gates:
  - warehouse: shop
    table: shop.orders
    rules:
      - {{name: customer_present, type: not_null, parameters: {{column: customer_id}}}}
      - {{name: id_unique, type: unique, parameters: {{columns: [id]}}, severity: warn}}
  - warehouse: shop
    table: shop.customers
    mode: inline
    rules:
      - {{name: id_present, type: not_null, parameters: {{column: id}}}}
  - warehouse: shop
    table: shop.empty
    rules:
      - {{name: id_present, type: not_null, parameters: {{column: id}}}}
  - warehouse: shop
    table: shop.off
    mode: "off"
    rules:
      - {{name: id_present, type: not_null, parameters: {{column: id}}}}
  - warehouse: shop
    table: shop.unruly
    rules: []
  - warehouse: shop
    table: shop.all_disabled
    rules:
      - {{name: id_present, type: not_null, parameters: {{column: id}}, enabled: false}}
"""


@pytest.fixture(params=["postgres", "duckdb"])
def either(request: pytest.FixtureRequest) -> dict[str, str | int]:
    """The small warehouse, of each kind in turn."""
    fixture = "warehouse" if request.param == "postgres" else "duck_warehouse"
    return request.getfixturevalue(fixture)  # type: ignore[no-any-return]


@pytest.fixture
def gates(store: Store, warehouse: dict[str, str | int], rule_types: dict[str, RuleType]) -> Store:
    """The store with the gates above applied."""
    apply_configuration(store, rule_types, GATES.format(host=warehouse["host"]))
    return store


@pytest.fixture
def backend(gates: Store, queue: Queue, rule_types: dict[str, RuleType]) -> Iterator[Backend]:
    listener = VerdictListener(gates.conninfo, limit=4)
    yield Backend(
        store=gates,
        queue=queue,
        listener=listener,
        rule_types=rule_types,
        max_wait_seconds=10,
        inline_wait_seconds=1,
    )
    listener.close()


def present(column: str, rule_types: dict[str, RuleType]) -> RuleSet:
    """A rule set that no gate has: the column is there in every row."""
    rule = RuleDocument(name="present", type="not_null", parameters={"column": column})
    return propose_rule(rule, rule_types, "rule")


@pytest.fixture
def client(backend: Backend) -> Iterator[FlaskClient]:
    """The API around the backend."""
    with create_app(backend).test_client() as client:
        yield client


@pytest.fixture(scope="module")
def lanes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lanes]:
    """A lane that the tests of a file share."""
    lanes = Lanes(1, LaneLimits(2, 500, 1024), os.environ, tmp_path_factory.mktemp("secrets"))
    yield lanes
    lanes.close()


Answers = Callable[[Plan], Measured]


def nothing_wrong(plan: Plan) -> Measured:
    """A runner's answer in which no row fails: the flow's tests need no warehouse."""
    return Measured([Measurement(rule.name, rows_tested=10, rows_failed=0) for rule in plan.rules])
