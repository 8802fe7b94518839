"""Nothing that was asked over Kafka is lost or judged twice, whatever ends in between."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gatekeeper.settings import ROOT

LIMIT_SECONDS = 540
EXPECTED = {
    "killed: consumer": 3,
    "killed: worker": 3,
    "killed: runner": 2,
    "stopped: broker": 1,
    "stopped: store": 1,
    "sent: requests": 352,
    "offsets committed": 400,
    "runs with a verdict": 352,
    "message ids": 352,
    "poison in the dead letters": 8,
}


@pytest.mark.timeout(LIMIT_SECONDS + 60)
def test_every_trigger_is_answered_once(kafka_libraries: Path) -> None:
    """The benchmark's proof, smaller: it ends with 1 where anything is wrong."""
    size = ("--records=400", "--kills=8", "--gap=4", "--outage=20", "--seed=1")
    done = subprocess.run(
        [sys.executable, "-m", "bench.kafka_chaos", *size, f"--limit={LIMIT_SECONDS}"],
        cwd=ROOT,
        env={**os.environ, "STRINGX_KAFKA_HOME": str(kafka_libraries.parent)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    printed = dict(line.rsplit(maxsplit=1) for line in done.stdout.splitlines() if line.strip())
    counted = {label.strip(): figure for label, figure in printed.items()}
    assert {label: int(counted[label].replace(",", "")) for label in EXPECTED} == EXPECTED
