"""Change events from a topic of their own to one verdict; and a table that is looked at."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest
from kafka import KafkaProducer

from standalone.postgres import superuser_url
from tests.e2e.conftest import shop_service
from tests.e2e.service import Service, wait_until
from tests.e2e.test_kafka import read_all

GATES = """
gates:
  - warehouse: shop
    table: shop.sales
    watch: {column: sold_on, window_seconds: 20, changes_of: crm.public.sales}
    rules:
      - {name: id_unique, type: unique, parameters: {columns: [id]}}
  - warehouse: shop
    table: shop.returns
    watch: {column: id, every_seconds: 1}
    rules:
      - {name: id_unique, type: unique, parameters: {columns: [id]}}
"""


@pytest.fixture(scope="module")
def topics(new_topic: Callable[..., str]) -> dict[str, str]:
    return {name: new_topic(3) for name in ("triggers", "changes", "results", "dead_letters")}


@pytest.fixture(scope="module")
def service(kafka: str, topics: dict[str, str]) -> Iterator[Service]:
    named = {
        "STRINGX_KAFKA_TRIGGERS_TOPIC": topics["triggers"],
        "STRINGX_KAFKA_CHANGES_TOPICS": topics["changes"],
        "STRINGX_KAFKA_RESULTS_TOPIC": topics["results"],
        "STRINGX_KAFKA_DEAD_LETTERS_TOPIC": topics["dead_letters"],
    }
    with shop_service(STRINGX_KAFKA_BOOTSTRAP=kafka, **named) as service:
        with owner(service) as connection:
            connection.execute(
                "create table shop.sales (id int, sold_on date);"
                "insert into shop.sales select i, date '2023-12-31' + i / 10 "
                "from generate_series(0, 9999) g(i);"
                "create table shop.returns (id int);"
                "insert into shop.returns values (1), (2);"
                "grant select on shop.sales, shop.returns to shop_reader"
            )
        path = service.home.directory / "watching.yml"
        path.write_text(GATES)
        status, said = service.home.run("apply", str(path))
        assert status == 0, said
        yield service


def owner(service: Service) -> psycopg.Connection:
    return psycopg.connect(superuser_url(service.home.socket, "shop"))


def judged(service: Service, table: str) -> list[dict[str, Any]]:
    runs: list[dict[str, Any]] = service.get(f"/runs?table={table}&state=finished")["items"]
    return runs[::-1]


def insertion(number: int) -> bytes:
    """Debezium's event of the n-th sale, as Connect writes it with its schema."""
    days = {"field": "sold_on", "type": "int32", "name": "io.debezium.time.Date"}
    schema = {"type": "struct", "fields": [{"field": "after", "fields": [days]}]}
    payload = {
        "op": "c",
        "before": None,
        "after": {"id": number, "sold_on": 19722 + number // 10},
        "source": {"db": "crm", "schema": "public", "table": "sales"},
    }
    return json.dumps({"schema": schema, "payload": payload}).encode()


def test_ten_thousand_changes_are_one_run_that_spans_them(
    kafka: str, topics: dict[str, str], service: Service
) -> None:
    with closing(KafkaProducer(bootstrap_servers=kafka)) as producer:
        for number in range(10_000):
            producer.send(topics["changes"], insertion(number), key=str(number).encode())
        producer.flush()
    wait_until("a verdict", lambda: judged(service, "shop.sales"), seconds=90)
    (run,) = judged(service, "shop.sales")
    assert run["batch"] == {"column": "sold_on", "from": "2023-12-31", "through": "2026-09-25"}
    assert (run["trigger"], run["verdict"]) == ("cdc", "pass")
    (check,) = service.get(f"/runs/{run['id']}/results")["checks"]
    assert check["rows_tested"] == 10_000
    (result,) = wait_until(
        "the result's message",
        lambda: [each for each in read_all(kafka, topics["results"]) if each.key == b"shop.sales"],
    )
    assert json.loads(result.value)["trigger"] == "cdc"
    assert read_all(kafka, topics["dead_letters"]) == []


def test_a_table_that_grows_is_judged_batch_by_batch(service: Service) -> None:
    wait_until("the first verdict", lambda: judged(service, "shop.returns"), seconds=60)
    with owner(service) as connection:
        connection.execute("insert into shop.returns values (3), (3)")
    wait_until("the next verdict", lambda: len(judged(service, "shop.returns")) > 1, seconds=60)
    found = [(run["batch"], run["verdict"]) for run in judged(service, "shop.returns")]
    assert found == [
        ({"column": "id", "through": "2"}, "pass"),
        ({"column": "id", "after": "2", "through": "3"}, "fail"),
    ]
