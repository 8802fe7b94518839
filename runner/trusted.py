"""What a rendered project needs for rules whose types are trusted code: the operator's own generic
tests, and those of dbt packages.

Their arguments travel as data, too. So each such type gets a test that takes a rule's id, and hands
the rule's parameters to it; the type's name, held to a safe alphabet, is all that is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

import yaml

_TYPE = re.compile(r"(?:([A-Za-z_][A-Za-z0-9_]*)\.)?([A-Za-z_][A-Za-z0-9_]*)")

_WRAPPER = Template("""\
{% test $name(model, rule_id) %}
{{- sx_trusted_rows(rule_id, $test(**sx_trusted_arguments(rule_id))) -}}
{% endtest %}
""")

# Of a package there are its macros: its models, seeds and hooks are none of a gate's business.
_PACKAGE_SETTINGS = ("name", "version", "config-version", "require-dbt-version")
_PROJECT_SETTINGS = ("vars", "dispatch")


def render_trusted(types: Iterable[str], project: Path, directory: Path) -> dict[str, str]:
    """Bring the tests of a dbt project and its packages into the rendered one; give the test that
    stands for each type. Raises ValueError at a name that may not stand in a dbt project.
    """
    calls = {name: _call(name) for name in sorted(types)}
    if not calls:
        return {}
    wrappers = {name: f"sx_trusted_{number}" for number, name in enumerate(calls)}
    written = [_WRAPPER.substitute(name=wrappers[name], test=calls[name]) for name in calls]
    (directory / "trusted").mkdir()
    (directory / "trusted" / "tests.sql").write_text("\n".join(written))
    _link_tests([name for name in calls if "." not in name], project, directory)
    for about in (project / "dbt_packages").glob("*/dbt_project.yml"):
        _render_package(about, directory / "dbt_packages" / about.parent.name)
    with (directory / "dbt_project.yml").open("a") as rendered:
        rendered.write(_render_settings(project / "dbt_project.yml", _PROJECT_SETTINGS))
    return wrappers


def _call(rule_type: str) -> str:
    found = _TYPE.fullmatch(rule_type)
    if found is None:
        raise ValueError(f"{rule_type!r} may not stand in a dbt project")
    package, test = found.groups()
    return f"{package}.test_{test}" if package else f"test_{test}"


def _link_tests(names: Sequence[str], project: Path, directory: Path) -> None:
    """Link the files that hold the tests: one that dbt can't read is in no other rule's way."""
    if not names:
        return
    header = re.compile(rf"\btest\s+({'|'.join(names)})\b")
    for file in (project / "tests" / "generic").rglob("*.sql"):
        if header.search(file.read_text("utf-8", "replace")):
            link = directory / file.relative_to(project)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(file)


def _render_package(about: Path, directory: Path) -> None:
    directory.mkdir(parents=True)
    (directory / "dbt_project.yml").write_text(_render_settings(about, _PACKAGE_SETTINGS))
    _link(about.parent, directory, "macros")
    _link(about.parent, directory, "tests/generic")


def _render_settings(about: Path, names: Iterable[str]) -> str:
    settings: Mapping[str, Any] = yaml.safe_load(about.read_text("utf-8"))
    kept = {name: settings[name] for name in names if name in settings}
    return yaml.safe_dump(kept) if kept else ""


def _link(source: Path, directory: Path, folder: str) -> None:
    if (source / folder).is_dir():
        (directory / folder).parent.mkdir(parents=True, exist_ok=True)
        (directory / folder).symlink_to(source / folder)
