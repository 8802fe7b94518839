"""The engine `dbt`: a real `dbt test` of a gate's rendered project, warm and in process.

Lives in a lane. One invocation at a time: dbt keeps its adapters and flags in globals.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from shutil import rmtree
from typing import Any, cast

from dbt.adapters.base import impl as adapter_impl
from dbt.adapters.factory import FACTORY
from dbt.adapters.sql.impl import SQLAdapter
from dbt.artifacts.schemas.results import TestStatus
from dbt.cli.main import dbtRunner, dbtRunnerResult
from dbt.contracts.graph.manifest import Manifest
from dbt.contracts.graph.nodes import CompiledNode

from gatekeeper.domain.errors import RunnerError
from gatekeeper.domain.verdict import Measurement
from runner.expansion import expand_order, order_to_look
from runner.failures import find_failure, is_transient
from runner.project import (
    CHECK_PREFIX,
    ROWS_TESTED,
    build_vars,
    render_project,
    render_vars,
)
from runner.redaction import redact
from runner.samples import take_samples
from runner.session import open_session
from runner.subject import Subject, look

KEPT_PROJECTS = 64
# A batch of a thousand values stands in every check's SQL.
MAX_SQL_LENGTH = 20_000
CUT = "\n-- the rest of it isn't kept"
# The verdict is waiting for them.
SAMPLE_SECONDS = 10
# What begins with DBT_ENV_SECRET_ dbt keeps out of its logs, and out of reach of a project's Jinja.
SECRET_PREFIX = "DBT_ENV_SECRET_SX_"  # noqa: S105 - a name

_FLAGS = (
    "--no-send-anonymous-usage-stats",
    "--no-version-check",
    "--no-use-colors",
    "--no-partial-parse",
    "--no-populate-cache",
    "--no-write-json",
    "--log-level=none",
    "--log-level-file=none",
)

# dbt-adapters 1.24 appends to this list at every invocation and looks through it at the next.
_BEHAVIOR_FLAGS = list(adapter_impl.DEFAULT_BASE_BEHAVIOR_FLAGS)


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
    """What an order comes to; the batch, and the rules that were expanded, in their wire form."""

    measurements: list[Measurement]
    columns: dict[str, str]
    batch: Mapping[str, Any] | None
    expanded: Sequence[Mapping[str, Any]]


class DbtEngine:
    """Measures orders with dbt; keeps the parsed projects of the gates it saw last."""

    def __init__(self, workspace: Path) -> None:
        self._workspace = workspace
        self._projects: OrderedDict[str, _Project] = OrderedDict()

    def measure(self, order: Mapping[str, Any]) -> Answer:
        """Test every rule of the order; raises RunnerError where the warehouse didn't answer."""
        _set_environment(build_environment(order["connection"], order["application_name"]))
        subject = self._look(order)
        expansion = expand_order({**order, "batch": subject.batch}, list(subject.columns))
        order = expansion.order
        project = self._project(order)
        for node in project.manifest.nodes.values():
            if isinstance(node, CompiledNode):
                # Else a check that can't be compiled shows the SQL of the run before it.
                node.compiled_code = None
        threads = f"--threads={order['threads']}"
        result = self._invoke("test", project.directory, order, threads, manifest=project.manifest)
        measurements = _read_results(result, order["connection"])
        if failure := find_failure(measurements):
            raise RunnerError(failure.message, transient=failure.transient)
        if order["sampling"]:
            with open_session(*project.reached, order, SAMPLE_SECONDS) as session:
                measurements = take_samples(session, order, measurements)
        kept = [*map(_cut_sql, measurements), *expansion.unmatched]
        return Answer(kept, dict(subject.columns), subject.batch, expansion.rules)

    def _look(self, order: Mapping[str, Any]) -> Subject:
        project = self._project(order_to_look(order))
        with open_session(*project.reached, order, order["deadline_seconds"]) as session:
            return look(session, order)

    def _project(self, order: Mapping[str, Any]) -> _Project:
        key = order["project"]
        known = self._projects.get(key)
        if known is None or known.connection != order["connection"]:
            self._forget(key)
            self._projects[key] = self._parse(order, self._workspace / key)
            if len(self._projects) > KEPT_PROJECTS:
                self._forget(next(iter(self._projects)))
        self._projects.move_to_end(key)
        return self._projects[key]

    def _parse(self, order: Mapping[str, Any], directory: Path) -> _Project:
        render_project(order, directory)
        manifest = self._invoke("parse", directory, order).result
        if not isinstance(manifest, Manifest):
            raise TypeError("dbt parse gave no manifest")
        adapter = cast("SQLAdapter", FACTORY.lookup_adapter(order["adapter"]))
        return _Project(directory, manifest, adapter, order["connection"])

    def _forget(self, key: str) -> None:
        rmtree(self._workspace / key, ignore_errors=True)
        self._projects.pop(key, None)

    def _invoke(
        self,
        verb: str,
        directory: Path,
        order: Mapping[str, Any],
        *more: str,
        manifest: Manifest | None = None,
    ) -> dbtRunnerResult:
        adapter_impl.DEFAULT_BASE_BEHAVIOR_FLAGS[:] = _BEHAVIOR_FLAGS
        places = {
            "--project-dir": directory,
            "--profiles-dir": directory,
            "--target-path": directory / "target",
            "--log-path": directory / "logs",
        }
        flags = [f"{flag}={place}" for flag, place in places.items()]
        variables = f"--vars={render_vars(build_vars(order))}"
        result = dbtRunner(manifest=manifest).invoke([verb, *_FLAGS, *flags, *more, variables])
        if result.exception is not None:
            message = redact(str(result.exception), order["connection"])
            transient = is_transient(message)
            raise RunnerError(f"dbt could not {verb} the rules: {message}", transient=transient)
        return result


def _set_environment(variables: Mapping[str, str]) -> None:
    """Set the connection's variables, and leave nothing of an earlier order's."""
    for name in [name for name in os.environ if name.startswith(("SX_", SECRET_PREFIX))]:
        del os.environ[name]
    os.environ.update(variables)


def build_environment(connection: Mapping[str, str], application_name: str) -> dict[str, str]:
    """The variables that a profile of runner/profiles reads the connection from."""
    given = {"password": "", **connection, "application_name": application_name}
    password = {f"{SECRET_PREFIX}PASSWORD": given.pop("password")}
    return {f"SX_{field.upper()}": value for field, value in given.items()} | password


def _read_results(outcome: dbtRunnerResult, connection: Mapping[str, str]) -> list[Measurement]:
    results: list[Any] = list(outcome.result)  # type: ignore[arg-type]  # it is an execution result
    counted = next(result for result in results if result.node.name == ROWS_TESTED)
    return [
        _read_result(result, counted, connection) for result in results if result is not counted
    ]


def _read_result(result: Any, counted: Any, connection: Mapping[str, str]) -> Measurement:
    rows_failed, rows_tested = _count(result), _count(counted)
    trouble = ""
    if rows_failed is None:
        trouble = str(result.message)
    elif rows_tested is None:
        trouble = f"the rows tested could not be counted: {counted.message}"
    return Measurement(
        rule=result.node.name.removeprefix(CHECK_PREFIX),
        rows_tested=rows_tested,
        rows_failed=rows_failed,
        message=redact(trouble, connection),
        compiled_sql=getattr(result.node, "compiled_code", None),
        duration_seconds=result.execution_time,
        dbt_status=str(result.status),
    )


def _cut_sql(measured: Measurement) -> Measurement:
    sql = measured.compiled_sql or ""
    if len(sql) <= MAX_SQL_LENGTH:
        return measured
    return replace(measured, compiled_sql=sql[:MAX_SQL_LENGTH] + CUT)


def _count(result: Any) -> int | None:
    """What a test counted; dbt gives a failing test's count, and 0 for one that passed."""
    if result.status in (TestStatus.Pass, TestStatus.Warn, TestStatus.Fail):
        return int(result.failures)
    return None
