"""The operator's own generic tests, and those of installed dbt packages, as rule types.

They are found where dbt looks for them; nothing is asked of them but that dbt can run them. Such a
type is trusted code: see RuleType.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import structlog
import yaml

from gatekeeper.catalogue.generic_tests import (
    COLUMN,
    GenericTest,
    NoGenericTest,
    has_generic_test,
    parse_generic_tests,
)
from gatekeeper.catalogue.rule_types import build_schema
from gatekeeper.domain.dbt_tests import dimension_of
from gatekeeper.domain.rule import Entity, RuleType, Shape

log = structlog.get_logger(__name__)

_PACKAGE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def find_trusted_types(project: Path) -> Iterator[RuleType]:
    """Give the type of every generic test in a dbt project's own place and in its packages.

    A file that can't be read is left out, with a warning.
    """
    for file in _sql_files(project / "tests" / "generic"):
        for test in _read_tests(file, project):
            origin = f"Your own dbt test, from {file.relative_to(project)}."
            yield _build_type(test, test.name, origin)
    for package, folder in _find_packages(project):
        among_macros = filter(_looks_like_test, _sql_files(folder / "macros"))
        for file in [*among_macros, *_sql_files(folder / "tests" / "generic")]:
            for test in _read_tests(file, project):
                origin = f"A test of the dbt package {package}, from {file.relative_to(project)}."
                yield _build_type(test, f"{package}.{test.name}", origin)


def _sql_files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*.sql") if file.is_file())


def _looks_like_test(file: Path) -> bool:
    return has_generic_test(file.read_text("utf-8", "replace"))


def _find_packages(project: Path) -> Iterator[tuple[str, Path]]:
    """Give the name and the folder of each package that dbt has installed."""
    for about in sorted((project / "dbt_packages").glob("*/dbt_project.yml")):
        try:
            name = yaml.safe_load(about.read_text("utf-8"))["name"]
        except (OSError, ValueError, yaml.YAMLError, LookupError, TypeError) as error:
            _warn(about, project, f"it isn't a dbt project: {error}")
            continue
        if _PACKAGE_NAME.fullmatch(str(name)):
            yield name, about.parent
        else:
            _warn(about, project, f"{name!r} is no name for a package")


def _read_tests(file: Path, project: Path) -> list[GenericTest]:
    try:
        return parse_generic_tests(file.read_text("utf-8"))
    except (UnicodeDecodeError, NoGenericTest) as error:
        _warn(file, project, str(error))
        return []


def _warn(file: Path, project: Path, reason: str) -> None:
    log.warning(
        "a dbt file is left out of the catalogue",
        action="left_out",
        file=str(file.relative_to(project)),
        reason=reason,
    )


def _build_type(test: GenericTest, name: str, origin: str) -> RuleType:
    return RuleType(
        name=name,
        description=test.description or origin,
        dimension=dimension_of(test.name),
        entity=Entity.COLUMN if COLUMN in test.parameters["properties"] else Entity.TABLE,
        shape=Shape.QUERY,
        parameters=build_schema(test.parameters),
        example=dict.fromkeys(test.parameters["required"], "..."),
        trusted=True,
    )
