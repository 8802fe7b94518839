"""The images that the tests run: StringX's own, from its Dockerfile, and stand-ins for those that
come from a registry, since none may be reachable: a base made by debootstrap, PostgreSQL from
Debian, Kafka from the jars of the other Kafka tests.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from gatekeeper.settings import ROOT
from tests.container.engine import docker, need

HERE = Path(__file__).parent / "images"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
BUILD_SECONDS = 600
SUITE = "bookworm"
BASE_PACKAGES = "ca-certificates,python3,python3-venv"
NOT_NEEDED = ("usr/share/doc", "usr/share/man", "usr/share/locale", "var/lib/apt/lists")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
PIP_SETTING = re.compile(r"^[\w:]+\.(index-url|extra-index-url|trusted-host)='(.*)'$", re.MULTILINE)


def make_base() -> str:
    """Make the base image, unless one of this recipe is there; gives its name."""
    recipe = f"{SUITE} {BASE_PACKAGES} {NOT_NEEDED}".encode() + CERTIFICATES.read_bytes()
    name = f"stringx-test/base:{hashlib.sha256(recipe).hexdigest()[:12]}"
    if not docker("image", "ls", "--quiet", name):
        with tempfile.TemporaryDirectory(prefix="stringx-base-") as directory:
            docker("import", "-", name, given=_make_root(Path(directory)), seconds=BUILD_SECONDS)
    return name


def _make_root(directory: Path) -> bytes:
    """A minimal Debian with Python and this machine's certificates, as an archive."""
    root = directory / "root"
    debootstrap = need("debootstrap", "debootstrap")
    _run(debootstrap, "--variant=minbase", f"--include={BASE_PACKAGES}", SUITE, str(root))
    for archive in (root / "var/cache/apt/archives").glob("*.deb"):
        archive.unlink()
    for folder in (root / each for each in NOT_NEEDED):
        shutil.rmtree(folder)
        folder.mkdir()
    shutil.copy(CERTIFICATES, root / "etc/ssl/certs/ca-certificates.crt")
    _run("tar", "-C", str(root), "-cf", str(directory / "root.tar"), ".")
    return (directory / "root.tar").read_bytes()


def _run(*command: str) -> None:
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=BUILD_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-2000:]


def build_postgres(base: str) -> str:
    """Build PostgreSQL, for the store and the warehouse; gives its name."""
    return _build("stringx-test/postgres", HERE / "postgres", f"BASE={base}")


def build_kafka(base: str, libraries: Path) -> str:
    """Build a broker; gives its name."""
    with tempfile.TemporaryDirectory(prefix="stringx-kafka-") as directory:
        context = Path(directory) / "context"
        shutil.copytree(HERE / "kafka", context)
        shutil.copytree(libraries, context / "libraries")
        return _build("stringx-test/kafka", context, f"BASE={base}")


def build_stringx(base: str, version: str) -> str:
    """Build StringX from its Dockerfile; gives its name."""
    with tempfile.TemporaryDirectory(prefix="stringx-secrets-") as directory:
        pip_conf = write_pip_conf(Path(directory))
        secrets = {"pip": pip_conf, "ca": CERTIFICATES}
        options = [f"--secret=id={name},src={file}" for name, file in secrets.items()]
        arguments = (f"PYTHON_IMAGE={base}", f"VERSION={version}")
        return _build(f"stringx-test/stringx:{version}", ROOT, *arguments, options=options)


def write_pip_conf(directory: Path) -> Path:
    """Write down where pip gets its packages on this machine."""
    pip = [sys.executable, "-m", "pip", "config", "list"]
    said = subprocess.run(pip, capture_output=True, text=True, check=True, timeout=60).stdout
    lines = [f"{name} = {value}" for name, value in PIP_SETTING.findall(said)]
    file = directory / "pip.conf"
    file.write_text("\n".join(["[global]", *lines, ""]))
    return file


def _build(name: str, context: Path, *arguments: str, options: list[str] | None = None) -> str:
    given = [*arguments, *(proxy for proxy in PROXIES if proxy in os.environ)]
    build_arguments = [f"--build-arg={argument}" for argument in given]
    where = ("--network=host", "--tag", name, str(context))
    docker("build", *build_arguments, *(options or []), *where, seconds=BUILD_SECONDS)
    return name


def find_size(name: str) -> int:
    """The size of an image in bytes."""
    return int(docker("image", "inspect", "--format", "{{.Size}}", name))
