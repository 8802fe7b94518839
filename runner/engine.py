"""The engine `dbt`: a real `dbt test` of a gate's rendered project, warm and in process.

Lives in a lane. What it needs to know of a table it asks in a session of its own, before and after.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from shutil import rmtree
from typing import Any, cast

from dbt.adapters.factory import FACTORY
from dbt.adapters.sql.impl import SQLAdapter
from dbt.contracts.graph.manifest import Manifest

from gatekeeper.domain.errors import RunnerError
from gatekeeper.domain.rule import Rule
from gatekeeper.domain.verdict import Measurement
from runner.expansion import expand_order, order_to_look
from runner.failures import find_failure
from runner.invoke import Invocation
from runner.own_project import OwnProjects
from runner.project import CHECK_PREFIX, ROWS_TESTED, build_vars, render_project
from runner.redaction import redact
from runner.results import cut_sql, read_count, read_result
from runner.samples import take_samples
from runner.session import open_session
from runner.subject import Subject, look

KEPT_PROJECTS = 64
# The verdict is waiting for them.
SAMPLE_SECONDS = 10
# What begins with DBT_ENV_SECRET_ dbt keeps out of its logs, and out of reach of a project's Jinja.
SECRET_PREFIX = "DBT_ENV_SECRET_SX_"  # noqa: S105 - a name


@dataclass(frozen=True)
class _Project:
    """A gate's project, parsed, and an adapter that reaches the warehouse by its profile."""

    directory: Path
    manifest: Manifest
    adapter: SQLAdapter
    connection: Mapping[str, str]

    @property
    def reached(self) -> tuple[SQLAdapter, Manifest]:
        """What a session beside dbt's own goes by."""
        return self.adapter, self.manifest


@dataclass(frozen=True)
class Answer:
    """What an order comes to: batch and expanded rules in their wire form, and the
    tests of the gate's own dbt project as rules.
    """

    measurements: Sequence[Measurement]
    columns: Mapping[str, str]
    batch: Mapping[str, Any] | None
    expanded: Sequence[Mapping[str, Any]]
    dbt_tests: Sequence[Rule] = ()


class DbtEngine:
    """Measures orders with dbt; keeps the parsed projects of the gates it saw last."""

    def __init__(self, workspace: Path) -> None:
        self._workspace = workspace
        self._projects: OrderedDict[str, _Project] = OrderedDict()
        self._own_projects = OwnProjects(workspace / "own")

    def measure(self, order: Mapping[str, Any]) -> Answer:
        """Test every rule of the order; raises RunnerError where the warehouse didn't answer."""
        try:
            return self._measure(order)
        finally:
            if order["adapter"] == "duckdb":
                # Not at the top: DuckDB is not installed everywhere.
                from runner.duckdb_lock import let_go

                let_go()

    def _measure(self, order: Mapping[str, Any]) -> Answer:
        _set_environment(build_environment(order["connection"], order["application_name"]))
        subject = self._look(order)
        expansion = expand_order({**order, "batch": subject.batch}, list(subject.columns))
        order = expansion.order
        project = self._project(order)
        measurements = _measure_rules(project, order) if order["rules"] else []
        tests: Sequence[Rule] = ()
        if order["own_project"]:
            found = self._own_projects.measure(order, project.directory, project.reached)
            tests, tested = zip(*found, strict=True)
            measurements = [*measurements, *tested]
        kept = [*map(cut_sql, measurements), *expansion.unmatched]
        return Answer(kept, subject.columns, subject.batch, expansion.rules, tests)

    def _look(self, order: Mapping[str, Any]) -> Subject:
        project = self._project(order_to_look(order))
        with open_session(*project.reached, order, order["deadline_seconds"]) as session:
            return look(session, order)

    def _project(self, order: Mapping[str, Any]) -> _Project:
        key = order["project"]
        known = self._projects.get(key)
        if known is None or known.connection != order["connection"]:
            self._forget(key)
            self._projects[key] = _parse(order, self._workspace / key)
            if len(self._projects) > KEPT_PROJECTS:
                self._forget(next(iter(self._projects)))
        self._projects.move_to_end(key)
        return self._projects[key]

    def _forget(self, key: str) -> None:
        rmtree(self._workspace / key, ignore_errors=True)
        self._projects.pop(key, None)


def _parse(order: Mapping[str, Any], directory: Path) -> _Project:
    render_project(order, directory)
    manifest = _invocation(order, directory).parse()
    adapter = cast("SQLAdapter", FACTORY.lookup_adapter(order["adapter"]))
    return _Project(directory, manifest, adapter, order["connection"])


def _invocation(order: Mapping[str, Any], directory: Path) -> Invocation:
    return Invocation(directory, directory, directory, build_vars(order), order["connection"])


def _measure_rules(project: _Project, order: Mapping[str, Any]) -> list[Measurement]:
    invocation = _invocation(order, project.directory)
    results = invocation.test(project.manifest, order["threads"])
    measurements = _read_results(results, order["connection"])
    if failure := find_failure(measurements):
        raise RunnerError(failure.message, transient=failure.transient)
    if order["sampling"]:
        with open_session(*project.reached, order, SAMPLE_SECONDS) as session:
            measurements = take_samples(session, order, measurements)
    return measurements


def _read_results(results: Sequence[Any], connection: Mapping[str, str]) -> list[Measurement]:
    counted = next(result for result in results if result.node.name == ROWS_TESTED)
    rows_tested = read_count(counted)
    measurements = [
        read_result(result, result.node.name.removeprefix(CHECK_PREFIX), rows_tested, connection)
        for result in results
        if result is not counted
    ]
    if rows_tested is not None:
        return measurements
    trouble = f"the rows tested could not be counted: {redact(str(counted.message), connection)}"
    return [replace(each, message=each.message or trouble) for each in measurements]


def _set_environment(variables: Mapping[str, str]) -> None:
    """Set the connection's variables, and leave nothing of an earlier order's."""
    for name in [name for name in os.environ if name.startswith(("SX_", SECRET_PREFIX))]:
        del os.environ[name]
    os.environ.update(variables)


def build_environment(connection: Mapping[str, str], application_name: str) -> dict[str, str]:
    """The variables that a profile of runner/profiles reads the connection from."""
    given = {"password": "", **connection, "application_name": application_name}
    password = {f"{SECRET_PREFIX}PASSWORD": given.pop("password")}
    return {f"SX_{name.upper()}": value for name, value in given.items()} | password
