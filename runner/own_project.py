"""A dbt project of the user's own: its selected tests are run by `dbt test`, each becoming a rule.

It is trusted code, and read where it lies; nothing is written there, nor to the warehouse. The
batch narrows its tests as their own `where` does; failing rows that they would store aren't stored.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from dbt.adapters.sql.impl import SQLAdapter
from dbt.contracts.graph.manifest import Manifest

from gatekeeper.domain.errors import RunnerError
from gatekeeper.domain.rule import Rule
from gatekeeper.domain.verdict import Measurement
from runner.failures import find_failure
from runner.invoke import Invocation
from runner.own_tests import Subject, TestNode, build_rule, find_subject, find_tests
from runner.results import read_result
from runner.session import Session, open_session

PROJECTS = Path(__file__).parent.parent / "projects"
# What dbt itself makes in a project's folder, and git.
_NOT_PARSED = frozenset({"target", "logs", ".git"})
_WHOLE = "judged on the whole table: a batch doesn't narrow this test"

Found = list[tuple[Rule, Measurement]]


@dataclass(frozen=True)
class _Parsed:
    """A project as its files were when dbt read them; `wheres` are its tests' own, by their id."""

    fingerprint: str
    manifest: Manifest
    wheres: Mapping[str, str | None]


class OwnProjects:
    """The users' projects that a lane has parsed."""

    def __init__(self, workspace: Path) -> None:
        self._workspace = workspace
        self._parsed: dict[str, _Parsed] = {}

    def measure(
        self, order: Mapping[str, Any], profile: Path, reached: tuple[SQLAdapter, Manifest]
    ) -> Found:
        """Run the selected tests of the order's project; raises RunnerError where none could be."""
        own, seconds = order["own_project"], order["deadline_seconds"]
        with open_session(*reached, order, seconds) as session:
            predicate = session.render("sx_batch_predicate", batch=order["batch"])
        with _target(order):
            parsed, invocation = self._parse(order, profile)
            _narrow(parsed, order["table"], predicate)
            select = f"--select={own['select']}"
            more = (select, "--exclude-resource-type=unit_test")
            results = invocation.test(parsed.manifest, order["threads"], *more)
        if not results:
            message = f"{own['select']!r} selects no test of the dbt project {own['folder']}"
            raise RunnerError(message, transient=False)
        with open_session(*reached, order, seconds) as session:
            found = _read(results, parsed.manifest, order, _Counter(session, order, predicate))
        if failure := find_failure([measured for _, measured in found]):
            raise RunnerError(failure.message, transient=failure.transient)
        return found

    def _parse(self, order: Mapping[str, Any], profile: Path) -> tuple[_Parsed, Invocation]:
        """Parse the project unless it was, for the same target, and hasn't changed since."""
        project = Path(order["own_project"]["path"])
        target = [str(project), order["own_project"]["target_schema"], order["connection"]]
        key = hashlib.sha256(json.dumps(target, sort_keys=True).encode()).hexdigest()[:16]
        variables = {"sx_batch": order["batch"]}
        place = self._workspace / key
        invocation = Invocation(project, profile, place, variables, order["connection"])
        fingerprint = _fingerprint(project)
        if key not in self._parsed or self._parsed[key].fingerprint != fingerprint:
            manifest = invocation.parse()
            wheres = {node.unique_id: node.config.where for node in find_tests(manifest)}
            self._parsed[key] = _Parsed(fingerprint, manifest, wheres)
        return self._parsed[key], invocation


def _fingerprint(project: Path) -> str:
    """Something that is another once a file of the project is."""
    digest = hashlib.sha256()
    for folder, folders, files in os.walk(project):
        folders[:] = sorted(set(folders) - _NOT_PARSED)
        for name in sorted(files):
            seen = Path(folder, name).stat()
            digest.update(f"{folder}/{name} {seen.st_size} {seen.st_mtime_ns}\n".encode())
    return digest.hexdigest()


@contextmanager
def _target(order: Mapping[str, Any]) -> Iterator[None]:
    """Point the profile at the project's schema; what macros of ours see to for our own tests, that
    a session reads only and not for ever, PostgreSQL's client sees to for these.
    """
    milliseconds = int(order["deadline_seconds"] * 1000)
    options = f"-c default_transaction_read_only=on -c statement_timeout={milliseconds}"
    set_here = {"SX_SCHEMA": order["own_project"]["target_schema"], "PGOPTIONS": options}
    os.environ.update(set_here)
    try:
        yield
    finally:
        for name in set_here:
            del os.environ[name]


def _narrow(parsed: _Parsed, table: str, predicate: str) -> None:
    """Put the batch beside the `where` of each test of the gate's table. dbt writes that into a
    generic test's SQL when it runs, so another batch needs no parsing.
    """
    for node in find_tests(parsed.manifest):
        where = parsed.wheres[node.unique_id]
        if predicate and find_subject(parsed.manifest, node).is_table(table):
            where = f"({where}) and {predicate}" if where else predicate
        node.config.where = where
        # The warehouse's role may only read.
        node.config.store_failures, node.config.store_failures_as = False, None


def _read(
    results: Sequence[Any], manifest: Manifest, order: Mapping[str, Any], counter: _Counter
) -> Found:
    found = []
    for result in results:
        node = cast("TestNode", manifest.nodes[result.node.unique_id])
        subject = find_subject(manifest, node)
        rule = build_rule(node, manifest.metadata.project_name or "")
        measured = _read_test(result, rule.name, counter, subject, order["connection"])
        narrowed = subject.is_table(order["table"]) or "sx_batch" in node.raw_code
        if order["batch"] and not narrowed:
            measured = replace(measured, message=measured.message or _WHOLE)
        found.append((rule, measured))
    return found


def _read_test(
    result: Any, name: str, counter: _Counter, subject: Subject, connection: Mapping[str, str]
) -> Measurement:
    try:
        rows_tested = counter.count(subject, result.node.config.where)
    except RunnerError as error:
        trouble = f"the rows tested could not be counted: {error}"
        return replace(read_result(result, name, None, connection), message=trouble)
    return read_result(result, name, rows_tested, connection)


class _Counter:
    """Counts the rows that tests look at, those of several tests once."""

    def __init__(self, session: Session, order: Mapping[str, Any], predicate: str) -> None:
        self._session = session
        self._table = session.render("sx_table", name=order["table"])
        self._predicate = predicate
        self._counted: dict[tuple[str, str | None], int] = {}

    def count(self, subject: Subject, where: str | None) -> int:
        """Give the rows of a test's table that its `where` leaves; for a test that is about no one
        table, those of the gate's. Raises RunnerError with what the warehouse says.
        """
        rows = (subject.relation, where) if subject.relation else (self._table, self._predicate)
        if rows not in self._counted:
            ((self._counted[rows],),) = self._session.rows(
                "sx_count", relation=rows[0], where=rows[1]
            )
        return self._counted[rows]
