"""The runners that there are, and what each is at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

DEFAULT_POOL = "default"
"""The pool of gates and warehouses that name none."""


class RunnerState(StrEnum):
    """Whether a runner takes runs, finishes those it has, or was not heard of for too long."""

    RUNNING = "running"
    DRAINING = "draining"
    LOST = "lost"


@dataclass(frozen=True)
class LaneState:
    """A lane: how many runs it has had since it was started, its resident memory, and the run it is
    at, if any.
    """

    number: int
    pid: int
    runs: int
    mebibytes: int
    run_id: str | None


@dataclass(frozen=True)
class Runner:
    """A runner as it was when it was last heard of, at `beat_at`. `mebibytes` is the resident
    memory of its own process, beside its lanes'.
    """

    id: UUID
    host: str
    pid: int
    version: str
    pools: Sequence[str]
    state: RunnerState
    mebibytes: int
    lanes: Sequence[LaneState]
    started_at: datetime
    beat_at: datetime
