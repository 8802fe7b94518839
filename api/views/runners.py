"""Runners and their lanes."""

from __future__ import annotations

from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import ConfigDict

from api.views import View
from gatekeeper.domain.fleet import Runner, RunnerState


class LaneView(View):
    """A lane: the runs it has had since it was started, its resident memory, the run it is at."""

    model_config = ConfigDict(from_attributes=True, frozen=True)

    number: int
    pid: int
    runs: int
    mebibytes: int
    run_id: str | None


class RunnerView(View):
    """A runner as it was when it was last heard of."""

    model_config = ConfigDict(from_attributes=True, frozen=True)

    id: UUID
    host: str
    pid: int
    version: str
    pools: list[str]
    state: RunnerState
    mebibytes: int
    lanes: list[LaneView]
    started_at: datetime
    beat_at: datetime

    @classmethod
    def of(cls, runner: Runner) -> Self:
        """Show a runner."""
        return cls.model_validate(runner)


class RunnerList(View):
    """Every runner, the latest to join first."""

    items: list[RunnerView]
