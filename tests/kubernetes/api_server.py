"""An API server of Kubernetes on loopback: it takes and keeps manifests, and nothing runs them."""

from __future__ import annotations

import json
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.deploy.manifests import TOOLS, Manifest
from tests.e2e.service import free_port, wait_until

READY_SECONDS = 120
STOP_SECONDS = 30
COMMAND_SECONDS = 120


@dataclass(frozen=True)
class Kubectl:
    """The client, as an administrator."""

    config: Path

    def run(self, *arguments: str, given: list[Manifest] | None = None) -> str:
        """Run a command on manifests; raises AssertionError also where it warns."""
        done = self.attempt(*arguments, given=given)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def is_served(self) -> bool:
        """Whether the API server is ready."""
        return self.attempt("get", "--raw=/readyz").returncode == 0

    def attempt(
        self, *arguments: str, given: list[Manifest] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command that may fail."""
        return subprocess.run(
            [
                str(TOOLS / "kubectl"),
                f"--kubeconfig={self.config}",
                "--warnings-as-errors",
                *arguments,
            ],
            input=yaml.safe_dump_all(given) if given is not None else "",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )


@contextmanager
def running_api_server(directory: Path) -> Iterator[Kubectl]:
    """Run etcd and an API server while the context lasts, with all they keep in the directory."""
    with ExitStack() as running:
        store = running.enter_context(_running_etcd(directory))
        yield running.enter_context(_running_server(directory, store))


@contextmanager
def _running_etcd(directory: Path) -> Iterator[str]:
    client, peer = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
    options = {
        "data-dir": str(directory / "etcd"),
        "listen-client-urls": client,
        "advertise-client-urls": client,
        "listen-peer-urls": peer,
        "initial-advertise-peer-urls": peer,
        "initial-cluster": f"default={peer}",
    }
    with _running("etcd", options, directory):
        yield client


@contextmanager
def _running_server(directory: Path, store: str) -> Iterator[Kubectl]:
    token, port, key = secrets.token_hex(16), free_port(), directory / "accounts.pem"
    tokens = directory / "tokens"
    tokens.write_text(f"{token},admin,admin,system:masters\n")
    subprocess.run(
        ["/usr/bin/openssl", "genrsa", "-out", str(key)], check=True, capture_output=True
    )
    options = {
        "etcd-servers": store,
        "bind-address": "127.0.0.1",
        "advertise-address": "127.0.0.1",
        "secure-port": str(port),
        "cert-dir": str(directory / "certificates"),
        "token-auth-file": str(tokens),
        "authorization-mode": "RBAC",
        "service-account-issuer": "https://127.0.0.1",
        "service-account-key-file": str(key),
        "service-account-signing-key-file": str(key),
        "service-cluster-ip-range": "10.0.0.0/24",
        "endpoint-reconciler-type": "none",
    }
    kubectl = Kubectl(_write_config(directory, port, token))
    with _running("kube-apiserver", options, directory):
        wait_until("the API server is ready", kubectl.is_served, seconds=READY_SECONDS)
        yield kubectl


def _write_config(directory: Path, port: int, token: str) -> Path:
    certificate = str(directory / "certificates" / "apiserver.crt")
    cluster = {"server": f"https://127.0.0.1:{port}", "certificate-authority": certificate}
    file = directory / "kubeconfig"
    file.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "test", "cluster": cluster}],
                "users": [{"name": "admin", "user": {"token": token}}],
                "contexts": [{"name": "test", "context": {"cluster": "test", "user": "admin"}}],
                "current-context": "test",
            }
        )
    )
    return file


@contextmanager
def _running(name: str, options: dict[str, str], directory: Path) -> Iterator[None]:
    with (directory / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            [str(TOOLS / name), *(f"--{option}={value}" for option, value in options.items())],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
