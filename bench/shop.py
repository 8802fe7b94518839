"""The table that is judged: orders of a shop, made up, with known defects; and its ten rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg

from standalone.postgres import superuser_url

TABLE = "shop.orders"
ROWS = 10_000
DATABASE = "shop"
READER = "bench_reader"

# Some rules fail and some pass, so that the counts that are compared say something.
_SCHEMA = f"""
create schema shop;
create table shop.customers as select i as id from generate_series(1, 500) i;
create table shop.orders as select
    case when i % 2500 = 0 then i - 1 else i end as id,
    case when i % 400 = 0 then null when i % 1000 = 1 then 501 else i % 500 + 1 end as customer_id,
    case when i % 2000 = 0 then 'lost' else (array['paid', 'sent'])[i % 2 + 1] end as status,
    (array['EUR', 'USD'])[i % 2 + 1] as currency,
    case when i % 5000 = 0 then -1 else (i % 500) / 2.0 end as amount,
    date '2024-01-01' + i % 366 as ordered_on,
    date '2024-01-01' + i % 366 + case when i % 3000 = 0 then -1 else 2 end as shipped_on,
    case when i % 100 > 0 then 'someone' || i || '@example.org' end as email
from generate_series(1, {ROWS}) i;
create role {READER} login;
grant usage on schema shop to {READER};
grant select on all tables in schema shop to {READER};
analyze;
"""

RULES: Sequence[Mapping[str, Any]] = [
    {"name": "id_present", "type": "not_null", "parameters": {"column": "id"}},
    {"name": "id_unique", "type": "unique", "parameters": {"columns": ["id"]}},
    {"name": "customer_present", "type": "not_null", "parameters": {"column": "customer_id"}},
    {
        "name": "customer_known",
        "type": "relationships",
        "parameters": {"column": "customer_id", "to": "shop.customers", "field": "id"},
    },
    {
        "name": "status_known",
        "type": "accepted_values",
        "parameters": {"column": "status", "values": ["paid", "sent"]},
    },
    {
        "name": "currency_known",
        "type": "accepted_values",
        "parameters": {"column": "currency", "values": ["EUR", "USD"]},
    },
    {
        "name": "amount_possible",
        "type": "value_between",
        "parameters": {"column": "amount", "min": 0, "max": 1000},
    },
    {
        "name": "ordered_in_2024",
        "type": "value_between",
        "parameters": {"column": "ordered_on", "min": "2024-01-01", "max": "2024-12-31"},
    },
    {
        "name": "shipped_after_ordered",
        "type": "expression",
        "parameters": {"expression": "shipped_on >= ordered_on"},
    },
    {
        "name": "email_present",
        "type": "not_null",
        "parameters": {"column": "email"},
        "severity": "warn",
    },
]


def load_shop(socket: Path) -> dict[str, str]:
    """Make the shop's database on the server at that socket; gives its reader's connection."""
    with psycopg.connect(superuser_url(socket), autocommit=True) as server:
        server.execute(f"create database {DATABASE}")
    with psycopg.connect(superuser_url(socket, DATABASE)) as shop:
        shop.execute(_SCHEMA)
    return {"host": str(socket), "database": DATABASE, "user": READER}
