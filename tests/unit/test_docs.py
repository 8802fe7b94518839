"""What the pages say is held to the code: words, settings, rooms, links and verbs."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path

import pytest
from pydantic.fields import FieldInfo

from app import cli
from console.env_example import render_env_example
from gatekeeper.catalogue.page import render_page
from gatekeeper.catalogue.properties import render_properties
from gatekeeper.domain.gate import Mode
from gatekeeper.domain.rule import Dimension, Entity, Kind, RuleType, Severity, Shape
from gatekeeper.domain.run import Purpose, RunState, Trigger
from gatekeeper.domain.verdict import Outcome, Verdict
from gatekeeper.settings import NOT_SETTINGS, PREFIX, ROOT, KafkaSettings, Settings, names_of

README = ROOT / "README.md"
ARCHITECTURE = ROOT / "docs" / "architecture.md"
GLOSSARY = ROOT / "docs" / "glossary.md"
PAGES = [README, *sorted((ROOT / "docs").rglob("*.md"))]

WORDS: dict[str, type[StrEnum]] = {
    "verdict": Verdict,
    "outcome": Outcome,
    "run state": RunState,
    "purpose": Purpose,
    "mode": Mode,
    "severity": Severity,
    "kind": Kind,
    "dimension": Dimension,
    "entity": Entity,
    "shape": Shape,
    "trigger": Trigger,
}

ROW = re.compile(r"^\|(.+)\|\s*$", re.MULTILINE)
LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
VERB = re.compile(r"python app\.py\s+([a-z][a-z-]*)")
FILE = re.compile(r"`((?:[\w.-]+/)+[\w.-]*)`")
FOLDER_OF_LAYOUT = re.compile(r"^[|\s`*-]*([a-z]+)/`?\s", re.MULTILINE)

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def read(page: Path) -> str:
    assert page.exists(), f"{page.relative_to(ROOT)} is missing"
    return page.read_text("utf-8")


def rows(text: str) -> list[tuple[str, ...]]:
    """The cells of every table row."""
    return [tuple(cell.strip() for cell in row.split("|")) for row in ROW.findall(text)]


@pytest.mark.parametrize("word", WORDS)
def test_the_glossary_has_every_value_of_a_word_and_no_other(word: str) -> None:
    words, _, values = read(GLOSSARY).partition("\n## Values\n")
    assert word in {row[0] for row in rows(words)}
    told = {row[1].strip("`") for row in rows(values) if row[0] == word}
    assert told == {each.value for each in WORDS[word]}


def build_configuration_table() -> str:
    """The rows that README.md must have, one for each setting."""
    return "\n".join(
        f"| `{name}` | {_shown_default(kind.model_fields[field])} | "
        f"{kind.model_fields[field].description} |"
        for kind in (Settings, KafkaSettings)
        for name, field in names_of(kind).items()
    )


def _shown_default(field: FieldInfo) -> str:
    default = field.default
    if default is None:
        return ""
    if isinstance(default, Path) and default.is_relative_to(ROOT):
        default = default.relative_to(ROOT)
    return f"`{default}`"


def test_the_readme_has_every_setting_with_its_default_and_meaning() -> None:
    expected = build_configuration_table()
    text = README.read_text("utf-8") if README.exists() else ""
    found = [
        row
        for row in rows(text)
        if row[0].startswith(f"`{PREFIX}") and not row[0].strip("`").startswith(NOT_SETTINGS)
    ]
    assert sorted(found) == sorted(rows(expected)), (
        f"README.md's configuration table must have these rows and no other:\n\n{expected}\n"
    )


def test_the_example_of_an_env_file_has_every_setting() -> None:
    written = (ROOT / ".env.example").read_text("utf-8")
    assert written == render_env_example(), "make docs"
    assert set(re.findall(r"^#(STRINGX_\w+)=", written, re.MULTILINE)) == {
        name for kind in (Settings, KafkaSettings) for name in names_of(kind)
    }


@pytest.mark.parametrize("page", [README, ARCHITECTURE], ids=lambda page: page.name)
def test_the_layout_names_every_folder(page: Path) -> None:
    named = set(FOLDER_OF_LAYOUT.findall(read(page)))
    missing = {folder.name for folder in ROOT.iterdir() if _holds_source(folder)} - named
    assert not missing, (
        f"{page.name}'s layout must name {', '.join(sorted(missing))}: "
        "a line that begins with the folder's name and a slash"
    )


def _holds_source(folder: Path) -> bool:
    if not folder.is_dir() or folder.name.startswith("."):
        return False
    return any(
        file.is_file() and "__pycache__" not in file.parts and file.suffix != ".pyc"
        for file in folder.rglob("*")
    )


@each_page
def test_every_link_leads_to_a_file(page: Path) -> None:
    targets = [link for link in LINK.findall(read(page)) if not re.match(r"[a-z]+:|#", link)]
    broken = [link for link in targets if not (page.parent / link.partition("#")[0]).exists()]
    assert not broken, f"{page.name} links to what isn't there: {', '.join(broken)}"


@each_page
def test_every_file_that_is_named_exists(page: Path) -> None:
    rooms = {folder.name for folder in ROOT.iterdir() if folder.is_dir()}
    files = [file for file in FILE.findall(read(page)) if file.partition("/")[0] in rooms]
    gone = [file for file in files if not (ROOT / file).exists()]
    assert not gone, f"{page.name} names what isn't there: {', '.join(gone)}"


@each_page
def test_every_verb_is_one_of_app_py(page: Path) -> None:
    unknown = set(VERB.findall(read(page))) - set(cli.commands)
    assert not unknown, f"{page.name} names verbs that app.py doesn't have: {sorted(unknown)}"


def test_the_page_of_rule_types_is_current(rule_types: dict[str, RuleType]) -> None:
    stored = (ROOT / "docs" / "rules.md").read_text("utf-8")
    assert stored == render_page(rule_types), "make docs"


def test_what_dbt_s_docs_say_of_rule_types_is_current(rule_types: dict[str, RuleType]) -> None:
    stored = (ROOT / "stringx" / "properties" / "rule_types.yml").read_text("utf-8")
    assert stored == render_properties(rule_types), "make docs"


def test_no_placeholder_is_left() -> None:
    left = {
        page.name: re.findall(r"@[A-Z0-9]+@", page.read_text("utf-8"))
        for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    }
    assert not any(left.values()), left
