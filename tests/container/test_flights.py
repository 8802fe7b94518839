"""The flights' counts with every process in a container of its own, asked over HTTP and Kafka."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from gatekeeper.settings import ROOT
from tests.container.stack import Stack
from tests.e2e.flights import COUNTS, VERDICTS


def test_over_http_each_gate_finds_what_the_demo_finds(stack: Stack) -> None:
    with ThreadPoolExecutor(len(VERDICTS)) as triggers:
        runs = dict(zip(VERDICTS, triggers.map(stack.trigger, VERDICTS), strict=True))
    verdicts = {table: stack.finish(run_id)["verdict"] for table, run_id in runs.items()}
    assert verdicts == VERDICTS
    assert {table: stack.counts(run_id) for table, run_id in runs.items()} == COUNTS


def test_over_kafka_each_gate_finds_what_the_demo_finds(stack: Stack) -> None:
    client = [sys.executable, "sending_kafka_messages.py", f"--bootstrap={stack.kafka}"]
    done = subprocess.run(
        [*client, "--file=-", "--wait=90"],
        cwd=ROOT,
        input="\n".join(json.dumps({"table": table}) for table in VERDICTS),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    # The worst of the verdicts is a fail.
    assert done.returncode == 1, done.stdout + done.stderr
    for table, verdict in VERDICTS.items():
        runs = stack.get(f"/runs?table={table}")["items"]
        (run,) = [run for run in runs if run["trigger"] == "kafka"]
        assert run["verdict"] == verdict
        assert stack.counts(run["id"]) == COUNTS[table]
