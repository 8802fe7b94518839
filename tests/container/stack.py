"""StringX in containers, by the compose file that operators use, with a warehouse beside it."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from gatekeeper.settings import ROOT
from tests.container.engine import docker, find_client, need
from tests.e2e.service import free_port, wait_until

COMPOSE_FILE = ROOT / "deploy" / "docker-compose.yml"
WAREHOUSE_FILE = Path(__file__).parent / "warehouse.yml"
UP_SECONDS = 180
ANSWER_SECONDS = 75


@dataclass(frozen=True)
class Images:
    """What the services are made of."""

    stringx: str
    postgres: str
    kafka: str


class Stack:
    """One project of compose, with ports and passwords of its own."""

    def __init__(self, directory: Path, images: Images, **settings: str) -> None:
        self.name = f"sx{secrets.token_hex(4)}"
        self.secrets = directory / "secrets"
        self.port, self.portal_port, self.kafka_port = free_port(), free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.kafka = f"127.0.0.1:{self.kafka_port}"
        self.store_password, self.warehouse_password = secrets.token_hex(8), secrets.token_hex(8)
        self.settings = {
            "STRINGX_DOCKER_IMAGE": images.stringx,
            "STRINGX_DOCKER_POSTGRES_IMAGE": images.postgres,
            "STRINGX_DOCKER_KAFKA_IMAGE": images.kafka,
            "STRINGX_DOCKER_SECRETS": str(self.secrets),
            "STRINGX_DOCKER_PORT": str(self.port),
            "STRINGX_DOCKER_PORTAL_PORT": str(self.portal_port),
            "STRINGX_DOCKER_KAFKA_PORT": str(self.kafka_port),
            **settings,
        }
        self._write_secrets()

    def _write_secrets(self) -> None:
        (self.secrets / "warehouses").mkdir(parents=True)
        url = f"postgresql://stringx:{self.store_password}@postgres:5432/stringx"
        (self.secrets / "store_password").write_text(self.store_password)
        (self.secrets / "database_url").write_text(url)
        (self.secrets / "warehouse_password").write_text(self.warehouse_password)

    def compose(self, *arguments: str, seconds: float = 60, **settings: str) -> str:
        """Run compose; gives what it printed."""
        files = [f"--file={file}" for file in (COMPOSE_FILE, WAREHOUSE_FILE)]
        done = subprocess.run(
            [
                *find_compose(),
                *files,
                *(f"--project-directory={ROOT}", f"--project-name={self.name}"),
                *arguments,
            ],
            env={**os.environ, **self.settings, **settings},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
            check=False,
        )
        assert done.returncode == 0, f"compose {' '.join(arguments)}:\n{done.stdout}"
        return done.stdout

    def up(self, *, runners: int) -> None:
        """Start everything, and wait until each container says that it is well."""
        scale = f"--scale=runner={runners}"
        self.compose("up", "--detach", "--no-build", scale, seconds=UP_SECONDS)
        for service in ("web", "worker", "consumer", "runner", "portal"):
            for container in self.containers(service):
                wait_until_healthy(container)

    def down(self) -> None:
        """Remove everything, down to the volumes."""
        self.compose("down", "--volumes", "--remove-orphans", "--timeout=5", seconds=120)

    def containers(self, service: str) -> list[str]:
        """The ids of a service's containers, also of those that have ended."""
        marks = {"project": self.name, "service": service}
        filters = [
            f"--filter=label=com.docker.compose.{key}={value}" for key, value in marks.items()
        ]
        return docker("ps", "--all", "--quiet", "--no-trunc", *filters).split()

    def container(self, service: str) -> str:
        (container,) = self.containers(service)
        return container

    def network(self, name: str) -> str:
        return f"{self.name}_{name}"

    def get(self, path: str) -> dict[str, Any]:
        answer = requests.get(f"{self.url}/api/v1{path}", timeout=ANSWER_SECONDS)
        assert answer.ok, answer.text
        content: dict[str, Any] = answer.json()
        return content

    def apply(self, document: str) -> None:
        """Store warehouses, gates and rules."""
        answer = requests.put(
            f"{self.url}/api/v1/config",
            data=document.encode(),
            headers={"Content-Type": "application/yaml"},
            timeout=ANSWER_SECONDS,
        )
        assert answer.ok, answer.text

    def trigger(self, table: str, batch: Mapping[str, Any] | None = None) -> str:
        """Ask a gate without waiting; gives the run's id."""
        body = {"table": table, "batch": batch}
        answer = requests.post(f"{self.url}/api/v1/runs", json=body, timeout=ANSWER_SECONDS)
        assert answer.status_code == 202, answer.text
        run_id: str = answer.json()["id"]
        return run_id

    def finish(self, run_id: str, seconds: float = 60) -> dict[str, Any]:
        """Wait for a run's verdict."""

        def finished() -> dict[str, Any] | None:
            run = self.get(f"/runs/{run_id}")
            return run if run["state"] == "finished" else None

        return wait_until(f"run {run_id} is finished", finished, seconds=seconds)

    def counts(self, run_id: str) -> dict[str, tuple[int | None, int | None]]:
        """The rows tested and failed of each rule."""
        checks = self.get(f"/runs/{run_id}/results")["checks"]
        return {each["rule"]: (each["rows_tested"], each["rows_failed"]) for each in checks}

    def query(self, statement: str) -> list[list[str]]:
        """What the store answers to a statement."""
        said = self._ask("postgres", "stringx", statement)
        return [line.split("|") for line in said.splitlines()]

    def query_warehouse(self, statement: str, database: str = "stringx_demo") -> str:
        return self._ask("warehouse", "admin", statement, database)

    def _ask(self, service: str, role: str, statement: str, database: str = "") -> str:
        psql = ("psql", "--quiet", "--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1")
        where = (f"--username={role}", f"--dbname={database or role}", f"--command={statement}")
        return docker("exec", self.container(service), *psql, *where)

    def address(self, service: str, network: str) -> str:
        """A container's address in a network, which this machine reaches too."""
        networks = inspect(self.container(service))["NetworkSettings"]["Networks"]
        found: str = networks[self.network(network)]["IPAddress"]
        return found


def find_compose() -> list[str]:
    """The command of compose: docker's plugin, or else what Debian installs."""
    plugin = [find_client(), "compose"]
    if subprocess.run([*plugin, "version"], capture_output=True, check=False).returncode == 0:
        return plugin
    return [shutil.which("docker-compose") or need("docker-compose", "docker-compose")]


def inspect(container: str) -> dict[str, Any]:
    (told,) = json.loads(docker("inspect", container))
    found: dict[str, Any] = told
    return found


def wait_until_healthy(container: str) -> None:
    def healthy() -> bool:
        state = inspect(container)["State"]
        assert state["Running"], docker("logs", "--tail=30", container)
        return bool(state["Health"]["Status"] == "healthy")

    wait_until(f"{inspect(container)['Name']} is healthy", healthy, seconds=90)


def read_log(container: str, action: str) -> list[dict[str, Any]]:
    """The lines of a container's log about an action."""
    lines = docker("logs", container).splitlines()
    told = [json.loads(line) for line in lines if line.startswith("{")]
    return [line for line in told if line.get("action") == action]
