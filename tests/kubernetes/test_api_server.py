"""What an API server says of the manifests: it takes them whole and without a warning, and its
PodSecurity `restricted` admits every pod.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator

import pytest

from gatekeeper.settings import VERSION
from tests.deploy.manifests import OVERLAYS, Manifest, find_pods, named, render
from tests.kubernetes.api_server import Kubectl

NAMESPACE, ACCOUNT = "Namespace/stringx", "ServiceAccount/stringx"


def apply(kubectl: Kubectl, manifests: list[Manifest], *options: str) -> list[str]:
    return kubectl.run("apply", "--filename=-", *options, given=manifests).splitlines()


@pytest.fixture(params=OVERLAYS)
def manifests(request: pytest.FixtureRequest, kubectl: Kubectl) -> Iterator[list[Manifest]]:
    """An overlay, with nothing of it there but its namespace and its account."""
    manifests = render(request.param)
    apply(kubectl, [named(manifests, NAMESPACE), named(manifests, ACCOUNT)])
    yield manifests
    kinds = {each["kind"] for each in manifests} - {"Namespace"}
    for kind in sorted(kinds):
        kubectl.run("delete", "--namespace=stringx", "--all", kind)


@pytest.fixture
def pods(manifests: list[Manifest]) -> list[Manifest]:
    """The pods, as a controller would make them."""
    return [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": pod.component, "namespace": "stringx", "labels": pod.labels},
            "spec": pod.spec,
        }
        for pod in find_pods(manifests)
    ]


def test_all_is_taken_without_a_warning(kubectl: Kubectl, manifests: list[Manifest]) -> None:
    said = apply(kubectl, manifests, "--dry-run=server")
    assert len(said) == len(manifests)
    assert all(line.endswith("(server dry run)") for line in said)


def test_every_pod_is_admitted(kubectl: Kubectl, pods: list[Manifest]) -> None:
    said = kubectl.run("create", "--filename=-", "--dry-run=server", given=pods).splitlines()
    assert said == [f"pod/{pod['metadata']['name']} created (server dry run)" for pod in pods]


def test_a_pod_with_rights_is_not(kubectl: Kubectl, pods: list[Manifest]) -> None:
    for pod in copy.deepcopy(pods):
        del pod["spec"]["containers"][0]["securityContext"]["capabilities"]
        done = kubectl.attempt("create", "--filename=-", "--dry-run=server", given=[pod])
        assert done.returncode != 0
        assert 'violates PodSecurity "restricted:latest": unrestricted capabilities' in done.stdout


def test_applying_again_changes_nothing(kubectl: Kubectl, manifests: list[Manifest]) -> None:
    apply(kubectl, manifests)
    assert kubectl.run("diff", "--filename=-", given=manifests) == ""


def test_an_upgrade_deletes_the_migration_first(
    kubectl: Kubectl, manifests: list[Manifest]
) -> None:
    apply(kubectl, manifests)
    later = copy.deepcopy(manifests)
    for pod in find_pods(later):
        for container in pod.containers:
            container["image"] = "stringx:9.9.9"
    refused = kubectl.attempt("apply", "--filename=-", given=later)
    assert "field is immutable" in refused.stdout
    kubectl.run("delete", "--namespace=stringx", "job", "stringx-migrate")
    apply(kubectl, later)
    found = kubectl.run("get", "--namespace=stringx", "deployment,job", "--output=yaml")
    assert "stringx:9.9.9" in found
    assert f"stringx:{VERSION}" not in found
