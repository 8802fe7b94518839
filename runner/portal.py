"""The portal: dbt's own docs of a dbt project, one static page that is served, never changed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import structlog

from gatekeeper.domain.errors import GatekeeperError

log = structlog.get_logger(__name__)

GENERATE_SECONDS = 120
# One page with everything in it; no warehouse is asked for what it has.
_GENERATE = ("docs", "generate", "--static", "--no-compile", "--empty-catalog")
_FLAGS = (
    "--no-send-anonymous-usage-stats",
    "--no-version-check",
    "--no-partial-parse",
    "--no-use-colors",
    "--quiet",
)


class PortalFailed(GatekeeperError):
    """dbt could not write the docs."""


def write_portal(project: Path, directory: Path) -> Path:
    """Have dbt write the docs of a project below the directory; gives the folder to serve.

    Raises PortalFailed.
    """
    target, shown = directory / "target", directory / "portal"
    places = (f"--project-dir={project}", f"--profiles-dir={project}")
    own = (f"--target-path={target}", f"--log-path={directory / 'logs'}")
    # Not compiling, it shows the manifest that it finds.
    for verb in (("parse",), _GENERATE):
        done = subprocess.run(
            [sys.executable, "-Wignore", "-m", "dbt.cli.main", *verb, *_FLAGS, *places, *own],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=GENERATE_SECONDS,
            check=False,
        )
        if done.returncode != 0:
            raise PortalFailed(f"dbt could not write the docs of {project}:\n{done.stdout.strip()}")
    shown.mkdir()
    (target / "static_index.html").rename(shown / "index.html")
    return shown


class Portal(ThreadingHTTPServer):
    """Serves a folder; it answers GET and HEAD, and there is nothing else that it could do."""

    def __init__(self, address: tuple[str, int], folder: Path, beat: Callable[[], None]) -> None:
        super().__init__(address, partial(_Handler, directory=str(folder)))
        self._beat = beat

    def service_actions(self) -> None:
        """Beat at every turn of the loop."""
        self._beat()


class _Handler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - its own name
        """Log what was asked in the form of our own lines."""
        log.debug("portal asked", action="portal", said=format % arguments)
