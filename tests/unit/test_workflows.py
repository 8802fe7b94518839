"""What runs on GitHub is what was looked at: nothing that moves, and no rights to speak of."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from gatekeeper.settings import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PINNED = re.compile(r"[\w-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
MAKE = re.compile(r"\bmake ([a-z][a-z-]*)")
TARGET = re.compile(r"^([a-z][a-z-]*):", re.MULTILINE)

each_workflow = pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda each: each.name)


def jobs_of(workflow: Path) -> list[dict[str, Any]]:
    jobs = list(yaml.safe_load(workflow.read_text())["jobs"].values())
    assert jobs
    return jobs


@each_workflow
def test_actions_are_pinned_by_commit_with_their_version_beside(workflow: Path) -> None:
    lines = [
        line.partition("uses: ")[2] for line in workflow.read_text().splitlines() if "uses:" in line
    ]
    assert lines
    assert not [line for line in lines if not PINNED.fullmatch(line)]


@each_workflow
def test_an_action_has_one_version(workflow: Path) -> None:
    used = {step["uses"] for job in jobs_of(workflow) for step in job["steps"] if "uses" in step}
    assert len(used) == len({each.partition("@")[0] for each in used})


@each_workflow
def test_jobs_may_read_the_code_and_nothing_else(workflow: Path) -> None:
    assert yaml.safe_load(workflow.read_text())["permissions"] == {}
    for job in jobs_of(workflow):
        assert job["permissions"] == {"contents": "read"}
        (checkout,) = [each for each in job["steps"] if "actions/checkout" in each.get("uses", "")]
        assert checkout["with"]["persist-credentials"] is False


@each_workflow
def test_a_job_ends_by_itself(workflow: Path) -> None:
    assert all(job["timeout-minutes"] <= 60 for job in jobs_of(workflow))


@pytest.mark.parametrize("script", [*WORKFLOWS, ROOT / ".ci" / "run"], ids=lambda each: each.name)
def test_make_has_every_target_that_is_called(script: Path) -> None:
    called = set(MAKE.findall(script.read_text()))
    assert called
    assert called <= set(TARGET.findall((ROOT / "Makefile").read_text()))
