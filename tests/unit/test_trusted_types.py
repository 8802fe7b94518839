"""The catalogue of a dbt project that has tests of its operator's own, and packages."""

from __future__ import annotations

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gatekeeper.catalogue.load import load_catalogue
from gatekeeper.catalogue.rule_types import check_parameters
from gatekeeper.domain.rule import Dimension, Entity, RuleType, Shape
from gatekeeper.settings import ROOT

EVEN = "{% test even(model, column_name, tolerance=0) %}select 1{% endtest %}"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A dbt project with StringX's rule types, and an empty place for tests."""
    (tmp_path / "rule_types").symlink_to(ROOT / "stringx" / "rule_types")
    (tmp_path / "tests" / "generic").mkdir(parents=True)
    return tmp_path


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def trusted(project: Path) -> dict[str, RuleType]:
    return {name: found for name, found in load_catalogue(project).items() if found.trusted}


def warnings(project: Path) -> list[dict[str, str]]:
    with capture_logs() as lines:
        load_catalogue(project)
    return [dict(line) for line in lines]


def test_a_test_dropped_in_is_a_trusted_type(project: Path) -> None:
    write(project / "tests" / "generic" / "numbers" / "even.sql", EVEN)
    assert warnings(project) == []
    even = trusted(project)["even"]
    assert even.description == "Your own dbt test, from tests/generic/numbers/even.sql."
    assert (even.dimension, even.entity) == (Dimension.VALIDITY, Entity.COLUMN)
    assert even.shape is Shape.QUERY
    assert even.parameters["required"] == ["column_name"]
    assert even.parameters["properties"]["tolerance"]["default"] == 0
    assert list(check_parameters(even, even.example, "example")) == []


def test_ours_are_not_trusted(project: Path, rule_types: dict[str, RuleType]) -> None:
    assert load_catalogue(project) == rule_types
    assert not any(each.trusted for each in rule_types.values())


def test_a_packages_tests_bear_its_name(project: Path) -> None:
    package = project / "dbt_packages" / "folder"
    write(package / "dbt_project.yml", "name: my_utils\n")
    write(
        package / "macros" / "generic_tests" / "recency.sql",
        "{# New rows came. #}{% test recency(model, datepart) %}{% endtest %}"
        "{% macro default__test_recency(model, datepart) %}{% endmacro %}",
    )
    write(package / "macros" / "old.sql", "{% macro test_old(model) %}{% endmacro %}")
    write(package / "macros" / "plain.sql", "{% macro plain() %}{% endmacro %} {% nothing of ours")
    write(package / "tests" / "generic" / "even.sql", EVEN)
    assert warnings(project) == []
    found = trusted(project)
    assert set(found) == {"my_utils.recency", "my_utils.old", "my_utils.even"}
    recency, old = found["my_utils.recency"], found["my_utils.old"]
    assert (recency.dimension, recency.entity) == (Dimension.TIMELINESS, Entity.TABLE)
    assert recency.description == "New rows came."
    assert old.description == (
        "A test of the dbt package my_utils, from dbt_packages/folder/macros/old.sql."
    )


@pytest.mark.parametrize(
    ("value", "known"),
    [
        ("text", True),
        (None, True),
        ([1, {"a": [None]}], True),
        (b"bytes", False),
        ([{1: 2}], False),
    ],
)
def test_an_argument_is_any_json(project: Path, value: object, *, known: bool) -> None:
    write(project / "tests" / "generic" / "even.sql", EVEN)
    given = {"column_name": "a", "tolerance": value}
    problems = list(check_parameters(trusted(project)["even"], given, "p"))
    assert (problems == []) == known


@pytest.mark.parametrize(
    ("file", "text", "reason"),
    [
        ("tests/generic/t.sql", "{% test t(model %}{% endtest %}", "line 1"),
        ("tests/generic/t.sql", "select 1", "holds no generic test"),
        ("tests/generic/t.sql", "\udcff", "utf-8"),
        ("dbt_packages/p/macros/t.sql", "{% test t(model) %}", "line 1"),
        ("dbt_packages/q/dbt_project.yml", "version: 1", "isn't a dbt project: 'name'"),
        ("dbt_packages/q/dbt_project.yml", "", "isn't a dbt project"),
        ("dbt_packages/q/dbt_project.yml", "a: [", "isn't a dbt project"),
        ("dbt_packages/q/dbt_project.yml", "name: a.b", "'a.b' is no name for a package"),
    ],
)
def test_a_file_that_is_none_is_named_and_the_others_stay(
    project: Path, file: str, text: str, reason: str
) -> None:
    write(project / "tests" / "generic" / "even.sql", EVEN)
    write(project / "dbt_packages" / "p" / "dbt_project.yml", "name: p")
    write(project / "dbt_packages" / "p" / "macros" / "even.sql", EVEN)
    write(project / file, "")
    (project / file).write_bytes(text.encode("utf-8", "surrogateescape"))
    (warning,) = warnings(project)
    assert warning["file"] == file
    assert reason in warning["reason"]
    assert set(trusted(project)) == {"even", "p.even"}


@pytest.mark.parametrize("name", ["not_null", "sx_mine"])
def test_a_name_of_ours_stays_ours(project: Path, name: str) -> None:
    write(project / "tests" / "generic" / "t.sql", f"{{% test {name}(model) %}}{{% endtest %}}")
    (warning,) = warnings(project)
    assert warning["rule_type"] == name
    assert trusted(project) == {}
