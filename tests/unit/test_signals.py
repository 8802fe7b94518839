"""A signal ends a process wherever in it the signal strikes."""

from __future__ import annotations

import subprocess
import sys

import pytest

from gatekeeper.settings import ROOT

STRUCK_WHERE_PYTHON_RAISES_NOTHING = """
import signal, time
from standalone.signals import end_on_signals

class Finalized:
    def __del__(self):
        signal.raise_signal(signal.{name})

end_on_signals()
try:
    Finalized()
    time.sleep(20)
    print("it went on")
finally:
    print("it was cleaned up")
"""


@pytest.mark.parametrize(("name", "status"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_signal_that_strikes_a_finalizer_is_heeded_all_the_same(name: str, status: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", STRUCK_WHERE_PYTHON_RAISES_NOTHING.format(name=name)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (status, "it was cleaned up\n")
    assert done.stderr == ""
