"""A Docker engine for tests: the one that runs here, or one that is started for the while.

Where none runs, Debian's is installed and started, which takes root. It keeps its images in a
folder of its own, so that the next tests find them; another Docker of the machine is left alone.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from standalone.supervisor import END_WITH_US

READY_SECONDS = 60
STOP_SECONDS = 60
INSTALL_SECONDS = 300
HOST_VARIABLE = "DOCKER_HOST"
# The client of Docker 23 and later builds by a plugin, which not every machine has.
FIRST_WITH_PLUGIN = 23


class EngineUnavailable(Exception):
    """No Docker engine can be had on this machine; the message names what is missing."""


def engine_home() -> Path:
    """The folder of the engine that we start ourselves, and of its images."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "stringx-engine"


@contextmanager
def running_engine() -> Iterator[None]:
    """Have an engine answer while the context lasts; raises EngineUnavailable."""
    if _answers():
        yield
        return
    need("dockerd", "docker.io")
    home = engine_home()
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (home / "lock").open("w") as lock:
        # Of several that test at once, one has the engine.
        fcntl.flock(lock, fcntl.LOCK_EX)
        with _own_engine(home):
            yield


@contextmanager
def _own_engine(home: Path) -> Iterator[None]:
    host = f"unix://{home}/docker.sock"
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                *END_WITH_US,
                *("dockerd", "--host", host, "--pidfile", str(home / "pid")),
                *("--data-root", str(home / "data"), "--exec-root", str(home / "exec")),
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    os.environ[HOST_VARIABLE] = host
    try:
        _wait_until_ready(process, home / "log")
        _clear()
        yield
    finally:
        del os.environ[HOST_VARIABLE]
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + READY_SECONDS
    while not _answers():
        if process.poll() is not None or time.monotonic() > until:
            said = "\n".join(log.read_text(errors="replace").splitlines()[-10:])
            raise EngineUnavailable(f"dockerd doesn't run here:\n{said}")
        time.sleep(0.2)


def _clear() -> None:
    """Remove what tests left that were killed; images that have a name stay."""
    for container in docker("ps", "--all", "--quiet").split():
        docker("rm", "--force", "--volumes", container)
    for kind in ("network", "volume", "image"):
        docker(kind, "prune", "--force")


def _answers() -> bool:
    client = shutil.which("docker")
    if client is None:
        return False
    asked = subprocess.run([client, "info"], capture_output=True, timeout=60, check=False)
    return asked.returncode == 0


def need(command: str, package: str) -> str:
    """Give the path of a command, installing Debian's package where it is missing.

    Raises EngineUnavailable.
    """
    if shutil.which(command) is None:
        if os.geteuid() != 0 or shutil.which("apt-get") is None:
            raise EngineUnavailable(f"{command} is missing (on Debian: apt-get install {package})")
        _install(package)
    found = shutil.which(command)
    if found is None:
        raise EngineUnavailable(f"{command} is missing, and {package} couldn't be installed")
    return found


def _install(package: str) -> None:
    for arguments in (("update",), ("install", "-y", "--no-install-recommends", package)):
        subprocess.run(
            ["/usr/bin/apt-get", "-qq", *arguments],
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=INSTALL_SECONDS,
            check=False,
        )


@cache
def find_client() -> str:
    """Give a docker client that can build with secrets; raises EngineUnavailable."""
    clients = dict.fromkeys([shutil.which("docker"), "/usr/bin/docker"])
    for client in clients:
        if client is not None and Path(client).exists() and _builds(client):
            return client
    raise EngineUnavailable("docker's buildx plugin is missing")


def _builds(client: str) -> bool:
    form = ("version", "--format", "{{.Client.Version}}")
    version = subprocess.run([client, *form], capture_output=True, text=True, check=False).stdout
    if version.partition(".")[0].isdigit() and int(version.partition(".")[0]) < FIRST_WITH_PLUGIN:
        return True
    return (
        subprocess.run([client, "buildx", "version"], capture_output=True, check=False).returncode
        == 0
    )


def docker(*arguments: str, seconds: float = 60, given: bytes | None = None) -> str:
    """Run docker's client; gives what it printed. It fails the test where that fails."""
    done = subprocess.run(
        [find_client(), *arguments],
        env={**os.environ, "DOCKER_BUILDKIT": "1"},
        input=given,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=seconds,
        check=False,
    )
    said = done.stdout.decode(errors="replace").strip()
    assert done.returncode == 0, f"docker {' '.join(arguments)}:\n{said}"
    return said
