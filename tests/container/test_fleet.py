"""Runners that die, are cut off, or are replaced: every run has one verdict all the same."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.container.engine import docker
from tests.container.fleet import check_verdicts, count_finished, queue_runs, wait_until_finished
from tests.container.images import build_stringx
from tests.container.stack import Stack, inspect, read_log, wait_until_healthy
from tests.e2e.service import wait_until

# Longer than a runner may be silent before it is taken for dead, and than the slow run takes.
CUT_SECONDS = 40
STOP_SECONDS = 60


@pytest.fixture
def runners(stack: Stack) -> Iterator[list[str]]:
    """The two runners, both at work; started again where a test stopped them."""
    runners = stack.containers("runner")
    yield runners
    for runner in runners:
        docker("start", runner)
    for runner in runners:
        wait_until_healthy(runner)


@pytest.fixture
def new_runner(stack: Stack, base: str) -> Iterator[str]:
    """A runner of another version, which isn't there before the test asks for work."""
    name = f"{stack.name}-new-runner"
    image = build_stringx(base, "0.2.0")
    stack.compose(
        "run", "--detach", "--no-deps", f"--name={name}", "runner", STRINGX_DOCKER_IMAGE=image
    )
    yield name
    docker("rm", "--force", "--volumes", name)


def find_holder(runners: list[str], run_id: str) -> str:
    """The runner that was handed the run."""

    def holder() -> str | None:
        held = {
            runner
            for runner in runners
            for line in read_log(runner, "dispatched")
            if line["run_id"] == run_id
        }
        return next(iter(held), None)

    return wait_until(f"run {run_id} is dispatched", holder)


def test_a_fleet_outlives_a_runner_that_dies_and_one_that_is_cut_off(
    stack: Stack, runners: list[str]
) -> None:
    run_ids = queue_runs(stack, range(100))
    wait_until("it is under way", lambda: count_finished(stack, run_ids) >= 10, seconds=60)
    docker("kill", runners[0])
    assert not inspect(runners[0])["State"]["Running"]
    docker("start", runners[0])
    wait_until_finished(stack, run_ids, seconds=200)

    slow = stack.trigger("fleet.slow")
    cut = find_holder(runners, slow)
    run_ids += [slow, *queue_runs(stack, range(100, 200))]
    docker("network", "disconnect", stack.network("runners"), cut)
    time.sleep(CUT_SECONDS)
    assert slow not in {line["run_id"] for line in read_log(cut, "concluded")}
    docker("network", "connect", stack.network("runners"), cut)

    wait_until_finished(stack, run_ids, seconds=200)
    refused = wait_until(
        "its late answer is refused",
        lambda: [line for line in read_log(cut, "superseded") if line["run_id"] == slow],
        seconds=90,
    )
    assert len(refused) == 1
    assert stack.get(f"/runs/{slow}")["attempts"] == 2
    concluded = check_verdicts(stack, run_ids, runners)
    assert min(concluded.values()) > 0


def test_a_new_version_joins_while_the_old_one_drains(
    stack: Stack, runners: list[str], new_runner: str
) -> None:
    slow = stack.trigger("fleet.slow")
    draining = find_holder(runners, slow)
    wait_until_healthy(new_runner)
    run_ids = [slow, *queue_runs(stack, range(200, 260))]
    with ThreadPoolExecutor(len(runners)) as stopping:
        for runner in runners:
            stopping.submit(docker, "stop", f"--time={STOP_SECONDS}", runner, seconds=90)
    assert {runner: inspect(runner)["State"]["ExitCode"] for runner in runners} == dict.fromkeys(
        runners, 0
    )
    assert slow in {line["run_id"] for line in read_log(draining, "concluded")}

    wait_until_finished(stack, run_ids, seconds=200)
    concluded = check_verdicts(stack, run_ids, [*runners, new_runner])
    assert concluded[new_runner] > 0
    assert concluded.total() == len(run_ids)
    assert {stack.get(f"/runs/{run_id}")["attempts"] for run_id in run_ids} == {1}
