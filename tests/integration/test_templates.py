"""Templates: rules on whatever matches, from the file through the real lanes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import psycopg
import pytest
from flask.testing import FlaskClient

from api.backend import Backend
from gatekeeper import flow
from gatekeeper.configuration.apply import Manner, apply_configuration
from gatekeeper.configuration.changes import Absent, Change
from gatekeeper.domain.errors import InvalidConfiguration
from gatekeeper.domain.rule import RuleType
from gatekeeper.domain.run import RunId
from runner.lanes import Lanes
from standalone.postgres import superuser_url
from tests.integration.conftest import nothing_wrong

Execute = Callable[[str], object]

TABLES = """
drop schema if exists post cascade;
create schema post;
create table post.letters (id int, sender_id int, "Reader ID" int, email text);
insert into post.letters values (1, 10, 100, 'a@b'), (2, null, 200, 'no');
create table post.stamps (id int, price int);
insert into post.stamps values (1, 5);
"""

TEMPLATES = """
templates:
  - name: ids_present
    tables: [post.*]
    columns: ["*id"]
    rule: {type: not_null, severity: warn}
  - name: emails_formed
    column_tags: [email]
    rule: {type: in_format, parameters: {format: email}}
  - name: not_empty
    tags: [core]
    rule: {type: row_count_between, parameters: {min: 1}}
"""

GATES = """
gates:
  - warehouse: {warehouse}
    table: post.letters
    tags: [core]
    column_tags: {{email: [email, pii]}}
    samples: {{show: keys, key: [id]}}
  - {{warehouse: {warehouse}, table: post.stamps}}
"""


@pytest.fixture
def execute(either: dict[str, str | int], short_tmp: Path) -> Execute:
    """What a warehouse's owner does, on the tables above."""

    def on_postgres(sql: str) -> None:
        url = superuser_url(Path(str(either["host"])), "warehouse")
        with psycopg.connect(url, autocommit=True) as owner:
            owner.execute(sql)

    def on_duckdb(sql: str) -> None:
        with duckdb.connect(str(short_tmp / "office.duckdb")) as owner:
            owner.execute(sql)

    execute = on_duckdb if "path" in either else on_postgres
    execute(TABLES)
    if "path" not in either:
        execute("grant usage on schema post to reader")
        execute("grant select on all tables in schema post to reader")
    return execute


@pytest.fixture
def name(either: dict[str, str | int]) -> str:
    return "duck" if "path" in either else "shop"


Apply = Callable[..., list[Change]]


@pytest.fixture
def apply(backend: Backend, short_tmp: Path, name: str, execute: Execute) -> Apply:
    path = short_tmp / "office.duckdb"
    duck = f"warehouses: [{{name: duck, adapter: duckdb, connection: {{path: {path}}}}}]"
    if name == "duck":
        apply_configuration(backend.store, backend.rule_types, duck)

    def apply(text: str, absent: Absent = Absent.KEEP, *, dry_run: bool = False) -> list[Change]:
        manner = Manner(absent, "me", dry_run)
        return apply_configuration(backend.store, backend.rule_types, text, manner)

    return apply


Judge = Callable[[str], dict[str, dict[str, Any]]]


@pytest.fixture
def judge(client: FlaskClient, backend: Backend, lanes: Lanes, name: str) -> Judge:
    def judge(table: str) -> dict[str, dict[str, Any]]:
        asked = client.post("/api/v1/runs", json={"table": table, "warehouse": name})
        run_id = asked.get_json()["id"]
        flow.run_attempt(backend.store, backend.queue, lanes.measure, RunId(UUID(run_id)))
        checks = client.get(f"/api/v1/runs/{run_id}/results").get_json()["checks"]
        return {check["rule"]: check for check in checks}

    return judge


def outcomes(checks: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    return {rule: check["outcome"] for rule, check in checks.items()}


def test_one_entry_covers_every_table_and_column_that_matches(
    apply: Apply, judge: Judge, client: FlaskClient, name: str
) -> None:
    apply(TEMPLATES + GATES.format(warehouse=name))
    letters = judge("post.letters")
    (odd,) = (rule for rule in letters if rule.startswith("ids_present__reader_id__"))
    assert outcomes(letters) == {
        "ids_present__id": "pass",
        "ids_present__sender_id": "warn",
        odd: "pass",
        "emails_formed__email": "fail",
        "not_empty": "pass",
    }
    sender = letters["ids_present__sender_id"]
    assert (sender["template"], sender["columns"]) == ("ids_present", ["sender_id"])
    assert (sender["rows_tested"], sender["rows_failed"]) == (2, 1)
    assert letters[odd]["parameters"] == {"column": "Reader ID"}
    assert outcomes(judge("post.stamps")) == {"ids_present__id": "pass"}
    gate = client.get(f"/api/v1/gates/post.letters?warehouse={name}").get_json()
    assert (gate["tags"], gate["column_tags"]) == (["core"], {"email": ["email", "pii"]})
    assert {rule["name"]: (rule["template"], rule["for_columns"]) for rule in gate["rules"]} == {
        "ids_present": ("ids_present", ["*id"]),
        "emails_formed__email": ("emails_formed", []),
        "not_empty": ("not_empty", []),
    }


def test_the_next_run_covers_what_was_added_and_can_not_judge_what_is_gone(
    apply: Apply, judge: Judge, execute: Execute, client: FlaskClient, name: str
) -> None:
    apply(TEMPLATES + GATES.format(warehouse=name))
    judge("post.stamps")
    execute("alter table post.stamps add column maker_id int")
    execute("alter table post.stamps drop column id")
    stamps = judge("post.stamps")
    assert outcomes(stamps) == {"ids_present__id": "error", "ids_present__maker_id": "warn"}
    message = stamps["ids_present__id"]["message"].casefold()
    assert "the column id (integer) is gone" in message
    client.delete(f"/api/v1/gates/post.stamps/columns?warehouse={name}")
    assert outcomes(judge("post.stamps")) == {"ids_present__maker_id": "warn"}


def test_a_pattern_or_a_tag_without_its_column_is_an_error(
    apply: Apply, judge: Judge, execute: Execute, name: str
) -> None:
    apply(TEMPLATES + GATES.format(warehouse=name))
    execute("alter table post.letters rename column email to mail")
    execute("alter table post.stamps rename column id to number")
    letters, stamps = judge("post.letters"), judge("post.stamps")
    assert letters["emails_formed__email"]["outcome"] == "error"
    assert outcomes(stamps) == {"ids_present": "error"}
    assert stamps["ids_present"]["message"] == "no column matches *id; there are number, price"


def test_a_rule_of_the_gates_own_wins_over_the_templates(
    apply: Apply, judge: Judge, name: str
) -> None:
    own = """
gates:
  - warehouse: {warehouse}
    table: post.letters
    tags: [core]
    rules:
      - {{name: not_empty, type: row_count_between, parameters: {{min: 3}}}}
      - {{name: ids_present__id, type: not_null, parameters: {{column: id}}, enabled: false}}
"""
    apply(TEMPLATES + own.format(warehouse=name))
    letters = judge("post.letters")
    assert letters["not_empty"]["outcome"] == "fail"
    assert letters["not_empty"]["template"] == ""
    assert letters["ids_present__id"]["outcome"] == "skipped"
    assert letters["ids_present__sender_id"]["outcome"] == "warn"


@pytest.fixture
def configure(backend: Backend) -> Apply:
    def configure(
        text: str, absent: Absent = Absent.KEEP, *, dry_run: bool = False
    ) -> list[Change]:
        manner = Manner(absent, "me", dry_run)
        return apply_configuration(backend.store, backend.rule_types, text, manner)

    return configure


def config(client: FlaskClient) -> str:
    return client.get("/api/v1/config").get_data(as_text=True)


def rules(client: FlaskClient, table: str) -> dict[str, dict[str, Any]]:
    gate = client.get(f"/api/v1/gates/{table}").get_json()
    return {rule["name"]: rule for rule in gate["rules"]}


WAREHOUSE = """
warehouses: [{name: shop, connection: {host: h, database: d, user: u}}]
"""
IN_SHOP = WAREHOUSE + TEMPLATES + GATES.format(warehouse="shop")


def test_what_is_exported_applies_to_the_same_bytes(configure: Apply, client: FlaskClient) -> None:
    configure(IN_SHOP)
    exported = config(client)
    assert "ids_present__" not in exported
    assert exported.count("emails_formed") == 1
    assert configure(exported, Absent.DELETE) == []
    configure("", Absent.DELETE)
    assert config(client) == "{}\n"
    configure(exported)
    assert config(client) == exported


def test_the_rehearsal_shows_the_template_and_what_it_does_to_each_gate(
    configure: Apply, client: FlaskClient
) -> None:
    configure(IN_SHOP)
    changed = IN_SHOP.replace("severity: warn", "severity: error").replace("[core]", "[post]", 1)
    rehearsed = configure(changed, dry_run=True)
    assert [(change.action.value, change.path) for change in rehearsed] == [
        ("change", "templates.ids_present"),
        ("change", "templates.not_empty"),
        ("change", "gates.shop:post.letters.rules.ids_present"),
        ("remove", "gates.shop:post.letters.rules.not_empty"),
        ("change", "gates.shop:post.stamps.rules.ids_present"),
    ]
    assert rehearsed[2].before == {"severity": "warn"}
    assert "not_empty" in rules(client, "post.letters")
    assert configure(changed) == rehearsed
    assert "not_empty" not in rules(client, "post.letters")


def test_a_new_gate_gets_the_stored_templates_and_a_changed_rule_set_has_its_author(
    configure: Apply, client: FlaskClient
) -> None:
    configure(IN_SHOP)
    configure("gates: [{warehouse: shop, table: post.new, column_tags: {at: [email]}}]")
    assert set(rules(client, "post.new")) == {"ids_present", "emails_formed__at"}
    changes = configure(TEMPLATES.replace("post.*", "post.new"))
    assert "gates.shop:post.letters.rules.ids_present" in {change.path for change in changes}
    newest, before = client.get("/api/v1/gates/post.letters/rule-sets").get_json()["items"]
    assert (newest["author"], newest["current"], before["current"]) == ("me", True, False)
    assert [change["path"] for change in newest["changes"]] == ["rules.ids_present"]


@pytest.mark.parametrize(
    ("absent", "left"),
    [
        (Absent.KEEP, {"ids_present": True, "not_empty": True}),
        (Absent.DISABLE, {"ids_present": True, "not_empty": False}),
        (Absent.DELETE, {"ids_present": True}),
    ],
)
def test_a_template_that_the_file_does_not_name_is_kept_disabled_or_deleted(
    configure: Apply, client: FlaskClient, absent: Absent, left: dict[str, bool]
) -> None:
    without_emails = IN_SHOP.replace("column_tags: {email: [email, pii]}", "description: ''")
    configure(without_emails)
    shorter = without_emails.replace(TEMPLATES[TEMPLATES.index("  - name: not_empty") :], "")
    rehearsed = configure(shorter, absent, dry_run=True)
    assert configure(shorter, absent) == rehearsed
    assert configure(shorter, absent) == []
    found = {name: rule["enabled"] for name, rule in rules(client, "post.letters").items()}
    assert found == left


def test_a_template_gives_way_to_a_rule_of_its_name_and_comes_back(
    configure: Apply, client: FlaskClient
) -> None:
    configure(IN_SHOP)
    own = "{name: ids_present, type: not_blank, parameters: {column: email}}"
    with_own = IN_SHOP.replace("post.stamps}", f"post.stamps, rules: [{own}]}}")
    (change,) = configure(with_own)
    assert change.path == "gates.shop:post.stamps.rules.ids_present"
    assert change.before["template"] == "ids_present"
    assert rules(client, "post.stamps")["ids_present"]["template"] == ""
    configure(IN_SHOP, Absent.DELETE)
    assert rules(client, "post.stamps")["ids_present"]["template"] == "ids_present"


def test_a_backtest_goes_by_the_rules_of_templates_too(
    configure: Apply, client: FlaskClient, backend: Backend
) -> None:
    configure(IN_SHOP)
    judged = client.post("/api/v1/runs", json={"table": "post.letters"}).get_json()
    run_id = RunId(UUID(judged["id"]))
    flow.run_attempt(backend.store, backend.queue, nothing_wrong, run_id)
    backtest = client.post("/api/v1/gates/post.letters/backtest", json={}).get_json()
    (trial,) = client.get(f"/api/v1/backtests/{backtest['id']}").get_json()["items"]
    planned = flow.plan(backend.store, RunId(UUID(trial["now"]["run_id"])))
    assert planned is not None
    assert {rule.name: rule.for_columns for rule in planned[1].rules} == {
        "emails_formed__email": (),
        "ids_present": ("*id",),
        "not_empty": (),
    }


def test_a_template_whose_type_is_gone_is_only_in_the_way_of_its_gates(
    configure: Apply, backend: Backend, client: FlaskClient, rule_types: dict[str, RuleType]
) -> None:
    configure(IN_SHOP)
    kept = rules(client, "post.letters")
    left = {name: each for name, each in rule_types.items() if name != "in_format"}
    store = backend.store
    assert apply_configuration(store, left, "gates: [{warehouse: shop, table: post.late}]")
    assert rules(client, "post.letters") == kept
    other = "gates: [{warehouse: shop, table: post.letters, column_tags: {sender_id: [email]}}]"
    with pytest.raises(InvalidConfiguration, match=r"templates\.emails_formed: .*'in_format' is"):
        apply_configuration(store, left, other)
