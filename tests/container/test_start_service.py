"""./start-service.sh docker and down, as an operator calls them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from gatekeeper.settings import ROOT
from tests.container.engine import docker, find_client
from tests.container.images import CERTIFICATES, write_pip_conf
from tests.container.stack import Images, Stack

START_SECONDS = 300


class Operator:
    """Whoever calls the script, with ports, passwords and a project of their own."""

    def __init__(self, stack: Stack, base: str, directory: Path) -> None:
        self.stack = stack
        self._settings = {
            **stack.settings,
            "STRINGX_DOCKER_PROJECT": stack.name,
            "STRINGX_DOCKER_IMAGE": f"{stack.name}:latest",
            "STRINGX_DOCKER_SECRETS": str(directory / "secrets"),
            "STRINGX_DOCKER_PYTHON_IMAGE": base,
            "STRINGX_DOCKER_PIP_CONF": str(write_pip_conf(directory)),
            "STRINGX_DOCKER_CA": str(CERTIFICATES),
            "STRINGX_DOCKER_BUILD_NETWORK": "host",
            "PATH": f"{Path(find_client()).parent}:{os.environ['PATH']}",
        }

    def call(self, verb: str, **settings: str) -> tuple[int, str]:
        done = subprocess.run(
            ["./start-service.sh", verb],
            cwd=ROOT,
            env={**os.environ, **self._settings, **settings},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=START_SECONDS,
            check=False,
        )
        return done.returncode, done.stdout

    def volumes(self) -> list[str]:
        mine = f"--filter=label=com.docker.compose.project={self.stack.name}"
        return docker("volume", "ls", "--quiet", mine).split()


@pytest.fixture
def operator(images: Images, base: str, tmp_path: Path) -> Iterator[Operator]:
    operator = Operator(Stack(tmp_path / "unused", images), base, tmp_path)
    yield operator
    operator.call("down")
    for volume in operator.volumes():
        docker("volume", "rm", volume)
    docker("image", "rm", "--force", f"{operator.stack.name}:latest")


def test_it_starts_everything_and_says_where_it_is(operator: Operator, tmp_path: Path) -> None:
    stack = operator.stack
    for _ in range(2):
        # The second time it replaces what runs, and finds the store's data and password again.
        status, said = operator.call("docker", STRINGX_DOCKER_RUNNERS="2")
        assert status == 0, said
        assert f"The API:            {stack.url} " in said
        assert requests.get(f"{stack.url}/readyz", timeout=5).ok
        assert requests.get(f"http://127.0.0.1:{stack.portal_port}", timeout=5).ok
        assert len(stack.containers("runner")) == 2
    assert (tmp_path / "secrets").stat().st_mode & 0o077 == 0
    password = (tmp_path / "secrets" / "store_password").read_text()
    assert len(password) == 48
    assert password not in said

    assert operator.call("down")[0] == 0
    assert not stack.containers("web")
    assert len(operator.volumes()) == 2


def test_without_docker_it_says_what_is_missing(operator: Operator, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    for command in ("bash", "env", "dirname", "mktemp", "rm"):
        (tmp_path / "bin" / command).symlink_to(f"/usr/bin/{command}")
    status, said = operator.call("docker", PATH=str(tmp_path / "bin"))
    assert status == 3
    assert said.startswith("stringx: Docker isn't installed.")


def test_without_a_daemon_it_says_so(operator: Operator, tmp_path: Path) -> None:
    status, said = operator.call("docker", DOCKER_HOST=f"unix://{tmp_path}/no.sock")
    assert status == 3
    assert "its daemon doesn't answer" in said.splitlines()[-1]
