"""The manifests are what Kubernetes takes, and what it admits under PodSecurity `restricted`."""

from __future__ import annotations

import json
import re
from typing import Any

import kubernetes_validate
import pytest
import yaml
from jsonschema import Draft202012Validator

from gatekeeper.settings import NOT_SETTINGS, PREFIX, VERSION, KafkaSettings, Settings, names_of
from tests.deploy.manifests import TOOLS, Manifest, Pod, selects
from tests.kafka.fixtures import do_without

OLDEST, NEWEST = "1.30", "1.37"
STOP_MARGIN_SECONDS = 10
"""What a runner needs to stop its lanes once it has drained."""

CUSTOM = {
    "ScaledObject": "keda.sh_scaledobjects",
    "TriggerAuthentication": "keda.sh_triggerauthentications",
    "ServiceMonitor": "monitoring.coreos.com_servicemonitors",
}
"""Kinds that operators bring."""

MEBIBYTES = {"Mi": 1, "Gi": 1024}


def of_kind(manifests: list[Manifest], kind: str) -> list[Manifest]:
    return [each for each in manifests if each["kind"] == kind]


def mebibytes(quantity: str) -> int:
    return int(quantity[:-2]) * MEBIBYTES[quantity[-2:]]


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_kubernetes_knows_every_field(manifests: list[Manifest], version: str) -> None:
    for manifest in manifests:
        if manifest["kind"] not in CUSTOM:
            kubernetes_validate.validate(manifest, version, strict=True)


@pytest.mark.parametrize("kind", CUSTOM)
def test_who_brings_a_kind_knows_every_field(production: list[Manifest], kind: str) -> None:
    (manifest,) = of_kind(production, kind)
    Draft202012Validator(custom_schema(CUSTOM[kind])).validate(manifest)


def custom_schema(name: str) -> dict[str, Any]:
    """A kind's schema, as its own release has it; a field that it doesn't name is refused."""
    file = TOOLS / f"{name}.yaml"
    if not file.exists():
        do_without(f"{file.name} is missing: make deploy-tools (which takes Go)")
    (version,) = yaml.safe_load(file.read_text())["spec"]["versions"]
    schema: dict[str, Any] = _close(version["schema"]["openAPIV3Schema"])
    # Kubernetes has a schema of its own for these.
    for part in ("metadata", "status"):
        schema["properties"][part] = {}
    return schema


def _close(schema: dict[str, Any]) -> dict[str, Any]:
    for part in schema.get("properties", {}).values():
        _close(part)
    if "items" in schema:
        _close(schema["items"])
    if "properties" in schema:
        schema["additionalProperties"] = False
    return schema


def test_everything_lies_in_a_namespace_that_restricts_its_pods(manifests: list[Manifest]) -> None:
    (namespace,) = of_kind(manifests, "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    others = [each for each in manifests if each is not namespace]
    assert {each["metadata"]["namespace"] for each in others} == {namespace["metadata"]["name"]}


def test_every_role_is_there(pods: list[Pod]) -> None:
    roles = ["consumer", "migrate", "portal", "runner", "web", "worker"]
    assert sorted(pod.component for pod in pods) == roles
    assert {pod.component: pod.main["args"] for pod in pods} == {role: [role] for role in roles}


def test_pods_have_no_rights(pods: list[Pod]) -> None:
    for pod in pods:
        assert pod.spec["automountServiceAccountToken"] is False, pod.name
        assert pod.spec["serviceAccountName"] == "stringx"
        context = pod.spec["securityContext"]
        assert context["runAsNonRoot"], pod.name
        assert (context["runAsUser"], context["fsGroup"]) == (10001, 10001)
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod.spec)
        assert {kind for volume in pod.spec["volumes"] for kind in volume if kind != "name"} <= {
            "emptyDir",
            "secret",
        }
        for container in pod.containers:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, pod.name


def test_no_service_becomes_a_setting(pods: list[Pod]) -> None:
    """Kubernetes would set STRINGX_WEB_PORT for the Service stringx-web."""
    assert all(pod.spec["enableServiceLinks"] is False for pod in pods)


def test_variables_are_settings(pods: list[Pod]) -> None:
    known = {name for kind in (Settings, KafkaSettings) for name in names_of(kind)}
    for pod in pods:
        for container in pod.containers:
            names = {name for name, _ in pod.variables(container)}
            assert names <= known, pod.name
            assert all(name.startswith(PREFIX) for name in names)
            assert not [name for name in names if name.startswith(NOT_SETTINGS)]


def test_no_secret_is_written_down(manifests: list[Manifest], pods: list[Pod]) -> None:
    assert not of_kind(manifests, "Secret")
    secret = {"STRINGX_DATABASE_URL", "STRINGX_KAFKA_REGISTRY_URL"}
    for pod in pods:
        for container in pod.containers:
            given = dict(pod.variables(container))
            assert not [name for name in secret if given.get(name)], pod.name
    assert not re.findall(r"://[^/\s]+:[^/\s]+@", json.dumps(manifests))


def test_secrets_are_files_that_others_cannot_read(pods: list[Pod]) -> None:
    for pod in pods:
        for volume in pod.spec["volumes"]:
            assert volume.get("secret", {"defaultMode": 0o440})["defaultMode"] == 0o440, pod.name


def test_files_that_settings_name_are_mounted(pods: list[Pod]) -> None:
    for pod in pods:
        for container in pod.containers:
            mounts = [mount["mountPath"] for mount in container["volumeMounts"]]
            for name, value in pod.variables(container):
                if name.endswith("FILE"):
                    assert value is not None
                    assert value.rpartition("/")[0] in mounts, f"{pod.name}: {name}"


def test_only_runners_see_the_secrets_of_warehouses(pods: list[Pod]) -> None:
    """They are where file: references are read from, and the store's are not."""
    with_them = [pod.component for pod in pods if "stringx-warehouses" in json.dumps(pod.spec)]
    assert with_them == ["runner"]
    (runner,) = [pod for pod in pods if pod.component == "runner"]
    places = {mount["name"]: mount["mountPath"] for mount in runner.main["volumeMounts"]}
    assert places["warehouses"] == str(Settings.model_fields["secrets_dir"].default)
    assert places["store"] != places["warehouses"]


def test_containers_are_bounded(pods: list[Pod]) -> None:
    for pod in pods:
        for container in pod.containers:
            for part in ("requests", "limits"):
                assert {"cpu", "memory"} <= set(container["resources"][part]), pod.name
        (temporary,) = [each["emptyDir"] for each in pod.spec["volumes"] if "emptyDir" in each]
        assert "sizeLimit" in temporary


def test_a_runners_lanes_fit_into_its_memory(pods: list[Pod]) -> None:
    (runner,) = [pod for pod in pods if pod.component == "runner"]
    lanes = int(dict(runner.variables(runner.main))["STRINGX_LANES"] or 0)
    lane = Settings.model_fields["lane_max_mebibytes"].default
    assert mebibytes(runner.main["resources"]["limits"]["memory"]) > lanes * lane


def test_the_health_of_every_role_is_asked_for(pods: list[Pod]) -> None:
    for pod in pods:
        probes = {key for key in pod.main if key.endswith("Probe")}
        expected = {"startupProbe", "readinessProbe", "livenessProbe"}
        assert probes == (set() if pod.component == "migrate" else expected), pod.name
    (web,) = [pod.main for pod in pods if pod.component == "web"]
    assert web["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert web["livenessProbe"]["httpGet"]["path"] == "/healthz"


def test_whoever_drains_is_given_the_time(pods: list[Pod]) -> None:
    draining = [pod for pod in pods if pod.component in {"worker", "runner"}]
    assert len(draining) == 2
    for pod in draining:
        least = pod.drain_seconds + STOP_MARGIN_SECONDS
        assert pod.spec["terminationGracePeriodSeconds"] > least, pod.name


def test_whoever_needs_the_store_waits_for_its_schema(pods: list[Pod]) -> None:
    """And in the same manner as it goes on afterwards."""
    waiting = [pod for pod in pods if "initContainers" in pod.spec]
    assert sorted(pod.component for pod in waiting) == ["consumer", "runner", "web", "worker"]
    for pod in waiting:
        (before,) = pod.spec["initContainers"]
        assert before["args"] == ["await-store"]
        assert before["image"] == pod.main["image"]
        url_file = "STRINGX_DATABASE_URL_FILE"
        assert dict(pod.variables(before))[url_file] == dict(pod.variables(pod.main))[url_file]


def test_the_image_is_this_release(pods: list[Pod]) -> None:
    images = {container["image"] for pod in pods for container in pod.containers}
    assert images == {f"stringx:{VERSION}"}


def test_services_lead_to_a_port_of_their_pods(manifests: list[Manifest], pods: list[Pod]) -> None:
    services = [
        each
        for each in of_kind(manifests, "Service")
        if each["metadata"]["name"] != "stringx-consumer"
    ]
    assert sorted(each["metadata"]["name"] for each in services) == [
        "stringx-portal",
        "stringx-web",
    ]
    for service in services:
        (pod,) = [
            each
            for each in pods
            if selects({"matchLabels": service["spec"]["selector"]}, each.labels)
        ]
        ports = {port["name"]: port["containerPort"] for port in pod.main["ports"]}
        setting = {"web": "port", "portal": "portal_port"}[pod.component]
        (port,) = service["spec"]["ports"]
        assert ports[port["targetPort"]] == Settings.model_fields[setting].default
