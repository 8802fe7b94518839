"""A container's health check: the pulse of a process that leaves one, else web's answer."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from console.alive import STALE_SECONDS
from gatekeeper.pulse import beat
from gatekeeper.settings import ROOT


class Web(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/healthz" else 404)
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None: ...  # noqa: A002


def check(**environment: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "console.alive"],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize(("age_seconds", "status"), [(0, 0), (STALE_SECONDS + 5, 1)])
def test_a_pulse_must_be_fresh(tmp_path: Path, age_seconds: float, status: int) -> None:
    pulse = tmp_path / "pulse"
    beat(pulse)
    then = pulse.stat().st_mtime - age_seconds
    os.utime(pulse, (then, then))
    found, said = check(STRINGX_PULSE_FILE=str(pulse))
    assert found == status, said
    assert ("no pulse for" in said) is bool(status)


def test_what_leaves_no_pulse_is_web_and_must_answer(tmp_path: Path) -> None:
    with HTTPServer(("127.0.0.1", 0), Web) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        asked = {"STRINGX_PULSE_FILE": str(tmp_path / "none"), "STRINGX_PORT": str(web.server_port)}
        assert check(**asked) == (0, "")
        web.shutdown()
    status, said = check(**asked)
    assert status == 1
    assert "web doesn't answer" in said
