"""An overlay of one's own, as the guide has it: what it sets arrives everywhere."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.deploy.conftest import rendered
from tests.deploy.manifests import KUBERNETES, Manifest, Pod, find_pods, named, render, selects
from tests.deploy.test_scaling import GUIDE

YAML = re.compile(r"```yaml\n(.+?)```", re.DOTALL)


@pytest.fixture
def own(tmp_path: Path) -> list[Manifest]:
    rendered("production")  # says so where kustomize is missing
    (text,) = YAML.findall(GUIDE.read_text("utf-8"))
    way = os.path.relpath(KUBERNETES, tmp_path.resolve())
    (tmp_path / "kustomization.yaml").write_text(text.replace("- ../", f"- {way}/"))
    return render(tmp_path)


@pytest.fixture
def own_pods(own: list[Manifest]) -> list[Pod]:
    return find_pods(own)


def test_every_container_has_its_image(own_pods: list[Pod]) -> None:
    images = {each["image"] for pod in own_pods for each in pod.containers}
    assert images == {"ghcr.io/acme/stringx:0.1.0"}


def test_its_settings_come_beside_the_others(own_pods: list[Pod]) -> None:
    for pod in own_pods:
        given = dict(pod.variables(pod.main))
        assert given["STRINGX_LOG_LEVEL"] == "WARNING", pod.name
        assert given["STRINGX_LOG_FORMAT"] == "json", pod.name
        if pod.component in {"worker", "consumer"}:
            assert given["STRINGX_KAFKA_SASL_MECHANISM"] == "SCRAM-SHA-512"


def test_runners_know_the_brokers_that_results_are_owed_to(own_pods: list[Pod]) -> None:
    known = {
        pod.component: dict(pod.variables(pod.main)).get("STRINGX_KAFKA_BOOTSTRAP")
        for pod in own_pods
        if "berlin" not in pod.name
    }
    brokers = known["consumer"]
    assert brokers is not None
    assert {role for role, names in known.items() if names == brokers} == {
        *("consumer", "worker", "runner")
    }


def test_its_addresses_take_the_place_of_nobodys(own: list[Manifest]) -> None:
    (rule,) = named(own, "NetworkPolicy/to-store")["spec"]["egress"]
    assert rule["to"] == [{"ipBlock": {"cidr": "10.20.0.5/32"}}]
    ingress = named(own, "Ingress/stringx")["spec"]
    assert ingress["tls"][0]["hosts"] == [ingress["rules"][0]["host"]] == ["gate.acme.example"]


def test_a_pool_has_runners_of_its_own(own: list[Manifest], own_pods: list[Pod]) -> None:
    pools = {
        pod.name: dict(pod.variables(pod.main)).get("STRINGX_POOLS")
        for pod in own_pods
        if pod.component == "runner"
    }
    assert pools == {
        "Deployment/stringx-runner": None,
        "Deployment/stringx-runner-berlin": "berlin",
    }
    for pod in own_pods:
        if pod.manifest["kind"] == "Deployment":
            selector = pod.manifest["spec"]["selector"]
            assert [each for each in own_pods if selects(selector, each.labels)] == [pod]


def test_a_worker_may_post_results_but_not_within_the_network(
    own: list[Manifest], own_pods: list[Pod]
) -> None:
    policy = named(own, "NetworkPolicy/to-callbacks")["spec"]
    ((target,),) = [rule["to"] for rule in policy["egress"]]
    # The addresses at which clouds give out credentials, and those of the cluster.
    assert {"169.254.0.0/16", "10.0.0.0/8"} <= set(target["ipBlock"]["except"])
    posting = [each for each in own_pods if selects(policy["podSelector"], each.labels)]
    assert [pod.component for pod in posting] == ["worker"]
    signing = {pod.component for pod in own_pods if "stringx-callbacks" in str(pod.spec)}
    assert signing == {"worker"}
