"""The jars of a Kafka broker: resolved once by Maven, kept in a folder for the next time."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from gatekeeper.domain.errors import GatekeeperError
from gatekeeper.settings import ROOT

POM = ROOT / "tests" / "kafka" / "pom.xml"
HOME_VARIABLE = "STRINGX_KAFKA_HOME"
LEAST_JAVA = 17
RESOLVE_SECONDS = 600


class KafkaUnavailable(GatekeeperError):
    """No broker can be had on this machine; the message names what is missing."""

    def __init__(self, missing: str) -> None:
        super().__init__(f"no Kafka broker can be had here: {missing}")


def libraries_home() -> Path:
    """The folder that keeps the jars of every pin: `.kafka`, unless the environment names one."""
    return Path(os.environ.get(HOME_VARIABLE) or ROOT / ".kafka").resolve()


def resolve_libraries(home: Path) -> Path:
    """Give the folder of the jars; Maven fills it when a pom is met for the first time.

    That takes some 10 s and 45 MB. Raises KafkaUnavailable.
    """
    _check_java()
    libraries = home / _edition()
    if not libraries.is_dir():
        _fill(libraries)
    return libraries


def kafka_version() -> str:
    """The version that the pom pins."""
    pinned = re.search(r"<kafka\.version>(.+)</kafka\.version>", POM.read_text())
    if pinned is None:
        raise KafkaUnavailable(f"{POM} pins no version of Kafka")
    return pinned[1]


def _edition() -> str:
    """A name of its own for each pom, so that a new pin is resolved anew."""
    return f"{kafka_version()}-{hashlib.sha256(POM.read_bytes()).hexdigest()[:8]}"


def _check_java() -> None:
    if shutil.which("java") is None:
        raise KafkaUnavailable(
            f"Java isn't installed; a runtime of {LEAST_JAVA} or later is needed"
        )
    said = _run("java", "-version")
    version = re.search(r'version "(\d+)', said.stdout)
    if version is None or int(version[1]) < LEAST_JAVA:
        raise KafkaUnavailable(f"Java {LEAST_JAVA} or later is needed, this is {said.stdout!r}")


def _fill(libraries: Path) -> None:
    """Let Maven fill a folder beside it, which takes the name when it is complete."""
    if shutil.which("mvn") is None:
        raise KafkaUnavailable("Maven (mvn), which gets the broker's jars, isn't installed")
    libraries.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="resolving-", dir=libraries.parent) as unfinished:
        filled = Path(unfinished) / "libraries"
        _copy_dependencies(filled)
        try:
            filled.rename(libraries)
        except OSError:
            # Somebody else was quicker; theirs is as good.
            if not libraries.is_dir():
                raise


def _copy_dependencies(target: Path) -> None:
    goal = ("dependency:copy-dependencies", f"-DoutputDirectory={target}", "-DincludeScope=runtime")
    done = _run("mvn", "-q", "-B", "--strict-checksums", "-f", str(POM), *goal)
    if done.returncode != 0:
        raise KafkaUnavailable(f"Maven couldn't get the broker's jars:\n{done.stdout.strip()}")


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=RESOLVE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise KafkaUnavailable(f"{command[0]} didn't end within {RESOLVE_SECONDS} s") from None
