"""N lanes, and which of them takes the next plan."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gatekeeper.domain.batch import parse_batch, render_batch
from gatekeeper.domain.errors import RunnerError, RunnerStopped, UnknownReference
from gatekeeper.domain.fleet import LaneState
from gatekeeper.domain.plan import Plan
from gatekeeper.domain.rule import parse_rule
from gatekeeper.domain.verdict import Measured, Measurement
from runner.lane_process import Lane, LaneDied, LaneLate, LaneLimits
from runner.own_project import PROJECTS
from runner.project import DBT_PROJECT
from runner.references import resolve_connection
from runner.sessions import end_sessions


class Lanes:
    """Hands plans to lanes. As many may be under way at once as there are lanes."""

    def __init__(
        self,
        count: int,
        limits: LaneLimits,
        environment: Mapping[str, str],
        secrets_dir: Path,
        dbt_project: Path = DBT_PROJECT,
        projects_dir: Path = PROJECTS,
    ) -> None:
        self._limits = limits
        self._environment = environment
        self._secrets_dir = secrets_dir
        self._dbt_project = dbt_project.resolve()
        self._projects_dir = projects_dir.resolve()
        self._lanes = [Lane(number, limits) for number in range(count)]
        self._free = list(self._lanes)
        self._changed = threading.Condition()
        self._closing = threading.Lock()
        self._closed = False

    @property
    def pids(self) -> list[int]:
        """The ids of the lanes' processes."""
        return [lane.pid for lane in self._lanes]

    def measure(self, plan: Plan) -> Measured:
        """Carry a plan out; raises RunnerError where nothing could be measured."""
        order = self._build_order(plan)
        lane = self._take(order["project"])
        try:
            if plan.attempt > 1:
                # Whoever carried out the last attempt may have died and left its queries running.
                end_sessions(order)
            lane.run_id = str(plan.run_id)
            answer = self._ask(lane, order, plan.deadline_seconds)
            lane.replace_if_worn()
        finally:
            lane.run_id = None
            self._give_back(lane)
        if "failure" in answer:
            raise RunnerError(answer["failure"], transient=answer["transient"])
        return _read_answer(**answer["measured"])

    def states(self) -> list[LaneState]:
        """Tell what each lane is at."""
        return [lane.state() for lane in self._lanes]

    def close(self) -> None:
        """Kill every lane; what is under way ends as if its lane had died. Once is enough."""
        with self._closing:
            if self._closed:
                return
            for lane in self._lanes:
                lane.retire()
            with self._changed:
                self._changed.wait_for(lambda: len(self._free) == len(self._lanes))
            for lane in self._lanes:
                lane.close()
            self._closed = True

    def _build_order(self, plan: Plan) -> dict[str, Any]:
        try:
            connection = resolve_connection(
                plan.warehouse.connection, self._environment, self._secrets_dir
            )
        except UnknownReference as error:
            raise RunnerError(str(error), transient=False) from error
        return {
            "project": f"{plan.gate_id}-{plan.warehouse.adapter}-{plan.rule_set_hash[:16]}",
            "dbt_project": str(self._dbt_project),
            "table": plan.table,
            "rules": [asdict(rule) for rule in plan.rules],
            "batch": render_batch(plan.batch) if plan.batch else None,
            "increment": asdict(plan.increment) if plan.increment else None,
            "own_project": self._find_own_project(plan),
            "sampling": asdict(plan.sampling) if plan.sampling else None,
            "deadline_seconds": plan.deadline_seconds,
            "adapter": plan.warehouse.adapter,
            "connection": connection,
            "application_name": f"stringx-{plan.run_id}",
            "threads": self._limits.threads,
        }

    def _find_own_project(self, plan: Plan) -> dict[str, str] | None:
        if plan.dbt_project is None:
            return None
        path = self._projects_dir / plan.dbt_project.folder
        if not (path / "dbt_project.yml").is_file():
            message = f"this runner has no dbt project {plan.dbt_project.folder!r}"
            raise RunnerError(message, transient=False)
        return {**asdict(plan.dbt_project), "path": str(path)}

    def _ask(self, lane: Lane, order: Mapping[str, Any], deadline: float) -> dict[str, Any]:
        try:
            return lane.ask(order, deadline)
        except LaneDied:
            self._replace(lane, order, "it died")
            if lane.retired:
                raise RunnerStopped from None
            raise RunnerError("the lane that judged it died", transient=True) from None
        except LaneLate:
            self._replace(lane, order, "it met a deadline")
            message = f"the deadline of {deadline:g} s passed before every check was measured"
            raise RunnerError(message, transient=False) from None

    def _replace(self, lane: Lane, order: Mapping[str, Any], reason: str) -> None:
        """Kill the lane, then end what it left running on the warehouse: in this order nothing
        new can begin in between.
        """
        lane.kill()
        end_sessions(order)
        lane.replace(reason)

    def _take(self, project: str) -> Lane:
        with self._changed:
            self._changed.wait_for(lambda: self._free)
            warm = [lane for lane in self._free if project in lane.projects]
            # The coldest lane learns a new gate, so that the warm ones stay warm for theirs.
            lane = warm[0] if warm else min(self._free, key=lambda each: len(each.projects))
            self._free.remove(lane)
            return lane

    def _give_back(self, lane: Lane) -> None:
        with self._changed:
            self._free.append(lane)
            self._changed.notify_all()


def _read_answer(
    measurements: Sequence[Mapping[str, Any]],
    columns: Mapping[str, str],
    batch: Mapping[str, Any] | None,
    expanded: Sequence[Mapping[str, Any]],
    dbt_tests: Sequence[Mapping[str, Any]],
) -> Measured:
    return Measured(
        measurements=[Measurement(**measured) for measured in measurements],
        columns=columns,
        batch=parse_batch(batch) if batch else None,
        expanded=[parse_rule(rule) for rule in expanded],
        dbt_tests=[parse_rule(test) for test in dbt_tests],
    )
