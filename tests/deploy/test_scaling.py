"""What production adds: more of each, budgets, and autoscalers that go by what there is to do."""

from __future__ import annotations

import re
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from gatekeeper.domain.batch import Values
from gatekeeper.domain.fleet import DEFAULT_POOL
from gatekeeper.domain.run import Purpose, RunId
from gatekeeper.queue.jobs import Queue, RunJob
from gatekeeper.settings import ROOT
from gatekeeper.store.engine import Store
from standalone.postgres import superuser_url
from tests.deploy.conftest import rendered
from tests.deploy.manifests import Manifest, find_pods, named, selects

GUIDE = ROOT / "docs" / "kubernetes.md"
SQL = re.compile(r"```sql\n(.+?)```", re.DOTALL)


@pytest.fixture
def scaler(production: list[Manifest]) -> Manifest:
    found: Manifest = named(production, "ScaledObject/stringx-runner")["spec"]
    return found


def test_budgets_let_one_of_a_role_go_at_a_time(production: list[Manifest]) -> None:
    budgets = [each["spec"] for each in production if each["kind"] == "PodDisruptionBudget"]
    protected = [
        pod.component
        for budget in budgets
        for pod in find_pods(production)
        if selects(budget["selector"], pod.labels)
    ]
    assert sorted(protected) == ["consumer", "runner", "web", "worker"]
    assert all(budget["maxUnavailable"] == 1 for budget in budgets)


def test_a_place_that_is_small_needs_nothing_that_clusters_lack() -> None:
    groups = {each["apiVersion"] for each in rendered("small")}
    assert groups == {"v1", "apps/v1", "batch/v1", "networking.k8s.io/v1"}
    assert not [each for each in rendered("small") if "replicas" in each.get("spec", {})]


def test_what_scales_by_itself_is_not_told_how_many(
    production: list[Manifest], scaler: Manifest
) -> None:
    """An apply would set it back."""
    web = named(production, "HorizontalPodAutoscaler/stringx-web")["spec"]
    assert web["minReplicas"] == scaler["minReplicaCount"] == 2
    for target in (web["scaleTargetRef"], scaler["scaleTargetRef"]):
        assert "replicas" not in named(production, f"Deployment/{target['name']}")["spec"]
    for role in ("worker", "consumer"):
        assert named(production, f"Deployment/stringx-{role}")["spec"]["replicas"] == 2


def test_web_and_runners_are_spread(production: list[Manifest]) -> None:
    spread = {
        pod.component: {each["topologyKey"] for each in pod.spec["topologySpreadConstraints"]}
        for pod in find_pods(production)
        if "topologySpreadConstraints" in pod.spec
    }
    everywhere = {"kubernetes.io/hostname", "topology.kubernetes.io/zone"}
    assert spread == {"web": everywhere, "runner": everywhere}


def test_a_runner_is_added_for_as_many_runs_as_it_has_lanes(
    production: list[Manifest], scaler: Manifest
) -> None:
    (runner,) = [pod for pod in find_pods(production) if pod.component == "runner"]
    (trigger,) = scaler["triggers"]
    lanes = dict(runner.variables(runner.main))["STRINGX_LANES"]
    assert trigger["metadata"]["targetQueryValue"] == lanes


def test_the_scaler_takes_its_password_from_a_secret(
    production: list[Manifest], scaler: Manifest
) -> None:
    (trigger,) = scaler["triggers"]
    assert trigger["authenticationRef"] == {"name": "stringx-scaler"}
    (reference,) = named(production, "TriggerAuthentication/stringx-scaler")["spec"][
        "secretTargetRef"
    ]
    assert reference == {"parameter": "connection", "name": "stringx-scaler", "key": "connection"}
    assert set(trigger["metadata"]) == {"query", "targetQueryValue"}


def test_the_scaler_counts_what_a_further_lane_could_do(
    postgres: Path, store: Store, queue: Queue, scaler: Manifest
) -> None:
    """With the rights that the guide gives it, and no others."""

    def job(gate_id: int, batch: str, pool: str, purpose: Purpose = Purpose.JUDGE) -> RunJob:
        return RunJob(RunId(uuid4()), gate_id, Values("carrier", (batch,)), pool, purpose)

    jobs = [
        *(job(1, batch, DEFAULT_POOL) for batch in ("AA", "UA", "UA")),
        *(job(1, batch, DEFAULT_POOL, Purpose.BACKTEST) for batch in ("AA", "UA", "DL")),
        job(2, "AA", "berlin"),
    ]
    with store.transaction() as tx:
        queue.defer_runs(tx, jobs)
    (trigger,) = scaler["triggers"]
    with psycopg.connect(superuser_url(postgres, str(store.engine.url.database))) as connection:
        for block in SQL.findall(GUIDE.read_text("utf-8")):
            connection.execute(block)
        connection.execute("set role stringx_scaler")
        assert connection.execute(trigger["metadata"]["query"]).fetchall() == [(3,)]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select args from procrastinate_jobs")
        connection.rollback()
