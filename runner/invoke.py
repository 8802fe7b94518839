"""Calling dbt in process. One invocation at a time: dbt keeps its adapters and flags in globals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dbt.adapters.base import impl as adapter_impl
from dbt.cli.main import dbtRunner, dbtRunnerResult
from dbt.contracts.graph.manifest import Manifest
from dbt.contracts.graph.nodes import CompiledNode

from gatekeeper.domain.errors import RunnerError
from runner.failures import is_transient
from runner.project import render_vars
from runner.redaction import redact

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

# Of a test that looks for a table that isn't there dbt only warns, and goes on without it.
_NOTHING_IS_LEFT_OUT = '--warn-error-options={"error": ["NodeNotFoundOrDisabled"]}'

# dbt-adapters 1.24 appends to this list at every invocation and looks through it at the next.
_BEHAVIOR_FLAGS = list(adapter_impl.DEFAULT_BASE_BEHAVIOR_FLAGS)


@dataclass(frozen=True)
class Invocation:
    """What dbt is called on: a project, the folder of its profile, and one that it may write to."""

    project: Path
    profile: Path
    target: Path
    variables: Mapping[str, Any]
    connection: Mapping[str, str]

    def parse(self) -> Manifest:
        """Parse the project; raises RunnerError with what dbt says."""
        manifest = self._invoke("parse", _NOTHING_IS_LEFT_OUT).result
        if not isinstance(manifest, Manifest):
            raise TypeError("dbt parse gave no manifest")
        return manifest

    def test(self, manifest: Manifest, threads: int, *more: str) -> list[Any]:
        """Run the tests of a project that was parsed, and give dbt's result of each.

        Raises RunnerError where none could be run.
        """
        for node in manifest.nodes.values():
            if isinstance(node, CompiledNode):
                # Else a test that can't be compiled shows the SQL of the run before it.
                node.compiled_code = None
        outcome = self._invoke("test", f"--threads={threads}", *more, manifest=manifest)
        return list(outcome.result)  # type: ignore[arg-type]  # it is an execution result

    def _invoke(self, verb: str, *more: str, manifest: Manifest | None = None) -> dbtRunnerResult:
        adapter_impl.DEFAULT_BASE_BEHAVIOR_FLAGS[:] = _BEHAVIOR_FLAGS
        places = {
            "--project-dir": self.project,
            "--profiles-dir": self.profile,
            "--profile": "gate",
            "--target-path": self.target / "target",
            "--log-path": self.target / "logs",
        }
        flags = [f"{flag}={place}" for flag, place in places.items()]
        variables = f"--vars={render_vars(self.variables)}"
        result = dbtRunner(manifest=manifest).invoke([verb, *_FLAGS, *flags, *more, variables])
        if result.exception is not None:
            message = redact(str(result.exception), self.connection)
            transient = is_transient(message)
            raise RunnerError(f"dbt could not {verb} the rules: {message}", transient=transient)
        return result
