"""The image, and the containers that compose makes of it."""

from __future__ import annotations

import json

import pytest
import requests

from tests.container.engine import docker
from tests.container.images import find_size
from tests.container.stack import Stack, inspect

ROLES = ("web", "worker", "consumer", "runner", "portal")
MOST_MEGABYTES = 450
HARDENED = ("--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--security-opt=no-new-privileges")


def run(image: str, *command: str, entrypoint: str = "tini") -> str:
    return docker("run", "--rm", *HARDENED, f"--entrypoint={entrypoint}", image, *command)


def test_the_image_is_not_too_large(stringx_image: str) -> None:
    assert find_size(stringx_image) < MOST_MEGABYTES * 1_000_000


def test_the_image_takes_a_verb_and_names_its_version(stringx_image: str) -> None:
    told = docker("run", "--rm", *HARDENED, stringx_image, "--help")
    assert "A quality gate for tables." in told
    (found,) = json.loads(docker("image", "inspect", stringx_image))
    assert found["Config"]["Labels"]["org.opencontainers.image.version"] == "0.1.0"
    assert set(found["Config"]["ExposedPorts"]) == {"5001/tcp", "8001/tcp"}


def test_nothing_that_builds_is_left_in_the_image(stringx_image: str) -> None:
    left = "for each in gcc cc make pip pip3 postgres; do command -v $each; done; true"
    assert run(stringx_image, "-c", left, entrypoint="bash") == ""
    assert (
        run(stringx_image, "-c", "ls /etc/pip.conf /build 2> /dev/null; true", entrypoint="sh")
        == ""
    )


def test_dbt_finds_the_project_by_itself(stringx_image: str) -> None:
    places = ("--target-path=/tmp/target", "--log-path=/tmp/logs")
    shown = run(stringx_image, "ls", *places, "--resource-type=test", entrypoint="dbt")
    assert "No nodes selected" in shown


def test_without_a_store_a_role_says_so(stringx_image: str) -> None:
    with pytest.raises(AssertionError, match="STRINGX_DATABASE_URL: is needed here"):
        docker("run", "--rm", *HARDENED, stringx_image, "up")


@pytest.mark.parametrize("role", ROLES)
def test_each_role_is_well_without_root_or_rights_or_anything_to_write_to(
    stack: Stack, role: str
) -> None:
    for container in stack.containers(role):
        found = inspect(container)
        assert found["State"]["Health"]["Status"] == "healthy"
        host = found["HostConfig"]
        assert host["ReadonlyRootfs"]
        assert host["CapDrop"] == ["ALL"]
        assert host["SecurityOpt"] == ["no-new-privileges:true"]
        assert host["Memory"] > 0
        assert not [each for each in found["Mounts"] if "docker.sock" in each["Source"]]
        status = docker("exec", container, "cat", "/proc/1/status", "/proc/1/comm")
        lines = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        assert lines["Name"] == "tini"
        assert set(lines["Uid"].split()) == {"10001"}
        assert {int(lines[name], 16) for name in ("CapPrm", "CapEff", "CapBnd")} == {0}
        assert lines["NoNewPrivs"] == "1"


def test_no_password_stands_in_an_environment(stack: Stack) -> None:
    for service in (*ROLES, "postgres", "migrate"):
        for container in stack.containers(service):
            given = json.dumps(inspect(container)["Config"])
            assert stack.store_password not in given
            assert stack.warehouse_password not in given


def test_the_store_was_migrated_once_and_that_ended(stack: Stack) -> None:
    state = inspect(stack.container("migrate"))["State"]
    assert (state["Running"], state["ExitCode"]) == (False, 0)
    assert requests.get(f"{stack.url}/readyz", timeout=5).ok


def test_the_portal_shows_the_rule_types(stack: Stack) -> None:
    shown = requests.get(f"http://127.0.0.1:{stack.portal_port}", timeout=10).text
    assert "test_sx_not_null" in shown


def test_ports_are_open_to_this_machine_alone(stack: Stack) -> None:
    for service in ("web", "portal", "kafka"):
        ports = inspect(stack.container(service))["HostConfig"]["PortBindings"]
        assert {each["HostIp"] for bindings in ports.values() for each in bindings} == {"127.0.0.1"}
    for service in ("postgres", "worker", "consumer", "runner"):
        assert not any(
            inspect(each)["HostConfig"]["PortBindings"] for each in stack.containers(service)
        )
