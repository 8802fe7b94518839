"""The runner's pure parts: references, redaction, failures, the rendered project."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import yaml

from gatekeeper.domain.errors import UnknownReference
from gatekeeper.domain.rule import Rule
from gatekeeper.domain.verdict import Measurement
from runner.expansion import expand_order, order_to_look
from runner.failures import Failure, find_failure, is_transient
from runner.project import DBT_PROJECT, render_project, render_vars
from runner.redaction import redact
from runner.references import resolve_connection
from tests.unit.test_expansion import pattern
from tests.unit.test_verdict import rule as plain_rule


def test_references_are_resolved_and_values_left_alone(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text("secret\n")
    connection: dict[str, str | int] = {
        "host": "env:STRINGX_WAREHOUSE_H",
        "port": 5432,
        "password": "file:pw",
    }
    resolved = resolve_connection(connection, {"STRINGX_WAREHOUSE_H": "there"}, tmp_path)
    assert resolved == {"host": "there", "port": "5432", "password": "secret"}


@pytest.mark.parametrize(
    "reference",
    [
        "env:STRINGX_WAREHOUSE_UNSET",
        "env:STRINGX_DATABASE_URL",
        "env:HOME",
        "file:missing",
        "file:../outside",
        "file:/etc/passwd",
        "file:..",
        "file:",
    ],
)
def test_what_may_not_or_can_not_be_read_is_refused(tmp_path: Path, reference: str) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (tmp_path / "outside").write_text("secret")
    environment = {"STRINGX_DATABASE_URL": "secret", "HOME": "/root"}
    with pytest.raises(UnknownReference) as caught:
        resolve_connection({"password": reference}, environment, secrets)
    assert "password" in str(caught.value)
    assert "secret" not in str(caught.value).replace(reference, "")


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("login hunter2 failed", "login *** failed"),
        ("postgresql://u:pw@h/db", "postgresql://***@h/db"),
        ("password=abc host=h", "password=*** host=h"),
        ("Password: abc", "Password: ***"),
        ("nothing to hide", "nothing to hide"),
    ],
)
def test_credentials_are_masked(text: str, clean: str) -> None:
    assert redact(text, {"password": "hunter2"}) == clean
    assert redact("no password is no mask", {}) == "no password is no mask"


@pytest.mark.parametrize(
    ("message", "transient"),
    [
        ('connection to server at "h", port 1 failed: Connection refused', True),
        ('could not translate host name "h" to address', True),
        ('connection to server on socket "/x" failed: No such file or directory', True),
        ("FATAL:  the database system is starting up", True),
        ("FATAL:  sorry, too many clients already", True),
        ("deadlock detected", True),
        ("server closed the connection unexpectedly", True),
        ('FATAL:  password authentication failed for user "u"', False),
        ('column "x" does not exist', False),
        ("canceling statement due to statement timeout", False),
        ("division by zero", False),
        ('invalid input syntax for type integer: "connection refused"', False),
    ],
)
def test_what_may_go_away_by_itself_is_told_by_the_warehouses_words(
    message: str, *, transient: bool
) -> None:
    assert is_transient(message) == transient


REFUSED = 'connection to server at "h" failed: FATAL:  password authentication failed'


@pytest.mark.parametrize(
    ("messages", "failure"),
    [
        (["", ""], None),
        (['column "x" does not exist', ""], None),
        ([REFUSED, ""], None),
        ([REFUSED, REFUSED], Failure(REFUSED, transient=False)),
        (["", "deadlock detected"], Failure("deadlock detected", transient=True)),
    ],
)
def test_a_run_fails_where_the_warehouse_did(messages: list[str], failure: Failure | None) -> None:
    measured = [
        Measurement(str(n), message=text, rows_failed=None if text else 0)
        for n, text in enumerate(messages)
    ]
    assert find_failure(measured) == failure


ORDER: dict[str, Any] = {
    "adapter": "postgres",
    "dbt_project": str(DBT_PROJECT),
    "table": "s.{{ evil }}",
    "rules": [
        {
            "name": "a",
            "type": "not_null",
            "severity": "warn",
            "parameters": {"column": "{{ env_var('HOME') }}"},
            "description": "{{ evil }}",
        }
    ],
    "batch": {"column": "{% evil %}", "values": ["{{ evil }}"]},
    "deadline_seconds": 5,
}


def test_nothing_a_user_wrote_reaches_the_projects_yaml(tmp_path: Path) -> None:
    render_project(ORDER, tmp_path / "p")
    for file in (tmp_path / "p").rglob("*.yml"):
        if (tmp_path / "p" / "rule_types") not in file.parents:
            assert "evil" not in file.read_text()
            assert "HOME" not in file.read_text()
    source = yaml.safe_load((tmp_path / "p" / "models" / "gate.yml").read_text())
    (table,) = source["sources"][0]["tables"]
    assert table["data_tests"][1] == {
        "sx_not_null": {
            "name": "check_a",
            "arguments": {"rule_id": "a"},
            "config": {"severity": "warn"},
        }
    }
    variables = yaml.safe_load((tmp_path / "p" / "vars").read_text())
    assert variables["sx_rules"] == {"a": {"column": "{{ env_var('HOME') }}"}}
    assert variables["sx_batch"] is None


@pytest.mark.parametrize(
    "value",
    [
        "\U0001f600",
        "\x7f\x85\u2028\ufeff\x1b",
        "line\nbreak\ttab\r",
        "{{ x }}{% y %}",
        "NO",
        "010",
        "12:30",
        "1e-05",
        "2013-01-01",
        "null",
        "",
        " # : - ",
        "'\"\\",
        0.00001,
        -0.0,
        1e300,
        10**40,
        True,
        12345678901234567890.5,
    ],
)
def test_a_value_arrives_as_it_was_sent(value: Any) -> None:
    assert yaml.safe_load(render_vars({"v": [value]})) == {"v": [value]}


def test_a_project_has_of_trusted_code_what_its_gate_uses(tmp_path: Path) -> None:
    project = tmp_path / "stringx"
    shutil.copytree(DBT_PROJECT, project)
    for name in ("mine", "mine_too", "other"):
        (project / "tests" / "generic" / f"{name}.sql").write_text(f"{{% test {name}(model) %}}")
    package = project / "dbt_packages" / "p"
    (package / "macros").mkdir(parents=True)
    (package / "dbt_project.yml").write_text("{name: p, on-run-start: drop table t}")
    order = {**ORDER, "dbt_project": str(project)}
    render_project(order, tmp_path / "ours")
    assert not any((tmp_path / "ours" / each).exists() for each in ("tests", "dbt_packages"))
    theirs = [
        {**ORDER["rules"][0], "name": "b", "type": "p.Any"},
        {**ORDER["rules"][0], "name": "c", "type": "mine"},
    ]
    render_project({**order, "rules": [*ORDER["rules"], *theirs]}, tmp_path / "theirs")
    own = (tmp_path / "theirs" / "tests").rglob("*.sql")
    assert [each.name for each in own] == ["mine.sql"]
    written = (tmp_path / "theirs" / "trusted" / "tests.sql").read_text()
    assert (
        "{{- sx_trusted_rows(rule_id, p.test_Any(**sx_trusted_arguments(rule_id))) -}}" in written
    )
    rendered = tmp_path / "theirs" / "dbt_packages" / "p"
    assert sorted(each.name for each in rendered.iterdir()) == ["dbt_project.yml", "macros"]
    assert yaml.safe_load((rendered / "dbt_project.yml").read_text()) == {"name": "p"}


NO_WORDS = ["{{ x }}", "a b", "", "a\n", "é"]


@pytest.mark.parametrize(
    ("field", "word"),
    [
        *((field, word) for field in ("name", "severity") for word in (*NO_WORDS, "A", "a" * 64)),
        *(("type", word) for word in (*NO_WORDS, "a.", ".a", "a.b.c", "a.{{ x }}", "a(b)", "1a")),
    ],
)
def test_a_word_outside_the_alphabet_is_never_rendered(
    tmp_path: Path, field: str, word: str
) -> None:
    rule = {**ORDER["rules"][0], field: word}
    with pytest.raises(ValueError, match="may not stand"):
        render_project({**ORDER, "rules": [rule]}, tmp_path / "p")


def order_of(*rules: Rule) -> dict[str, Any]:
    return {"project": "1-postgres-abc", "rules": [asdict(each) for each in rules]}


def test_an_order_of_plain_rules_is_carried_out_as_it_is() -> None:
    order = order_of(plain_rule("own"))
    assert expand_order(order, ["a_id"]).order is order
    assert order_to_look(order) is order


def test_an_order_is_named_after_the_columns_that_match_and_no_others() -> None:
    order = order_of(plain_rule("own"), pattern("*_id"))
    assert order_to_look(order) == {**order, "rules": []}
    first = expand_order(order, ["a_id", "size"])
    assert [each["name"] for each in first.order["rules"]] == ["own", "t__a_id"]
    assert [each["name"] for each in first.rules] == ["t__a_id"]
    projects = [
        expand_order(order, columns).order["project"]
        for columns in (["a_id", "size"], ["size", "a_id", "more"], ["a_id", "b_id"], [])
    ]
    assert projects[0] == projects[1] == first.order["project"]
    assert len({order["project"], *projects}) == 4


def test_what_no_column_matches_is_measured_as_nothing() -> None:
    nothing = expand_order(order_of(pattern("*_id", "*_key")), [])
    assert nothing.order["rules"] == []
    (unmatched,) = nothing.unmatched
    assert (unmatched.rule, unmatched.rows_failed) == ("t", None)
    assert unmatched.message == "no column matches *_id or *_key; there are none"
