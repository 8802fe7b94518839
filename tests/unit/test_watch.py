"""Which rows changed, told by a column."""

from __future__ import annotations

import pytest

from gatekeeper.configuration.text import parse_document, render_document
from gatekeeper.domain.batch import Range
from gatekeeper.domain.errors import InvalidConfiguration
from gatekeeper.domain.watch import Span, TableChange, find_span, join


def span_of(*values: object) -> Span | None:
    changes = [TableChange("db", "shop", "orders", {"at": value}) for value in values]
    return find_span("at", changes)


@pytest.mark.parametrize(
    ("values", "low", "high"),
    [
        ((3,), 3, 3),
        ((3, 1, 10), 1, 10),
        ((9, 10.5, -2), -2, 10.5),
        (("2024-02-01", "2023-12-31"), "2023-12-31", "2024-02-01"),
        # As text the first of these would be the smaller one.
        (
            ("2024-01-01T00:00:00.5Z", "2024-01-01T00:00:00Z"),
            "2024-01-01T00:00:00Z",
            "2024-01-01T00:00:00.5Z",
        ),
        (
            ("2024-01-01T02:00:00+02:00", "2024-01-01T01:00:00Z"),
            "2024-01-01T02:00:00+02:00",
            "2024-01-01T01:00:00Z",
        ),
    ],
)
def test_a_span_goes_from_the_smallest_to_the_greatest(
    values: tuple[object, ...], low: object, high: object
) -> None:
    found = span_of(*values)
    assert found == Span(low, high)  # type: ignore[arg-type]
    assert found.batch("at") == Range("at", start=low, through=high)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "values",
    [
        (None,),
        (1, None, 2),
        (True,),
        ("b", "a"),
        (1, "2024-01-01"),
        ("2024-01-01T00:00:00", "2024-01-01T00:00:00Z"),
        ({"nested": 1},),
    ],
)
def test_what_has_no_order_here_is_in_the_whole_table_alone(values: tuple[object, ...]) -> None:
    assert span_of(*values) is None


def test_without_a_column_or_a_value_it_is_the_whole_table() -> None:
    told = TableChange("db", "shop", "orders", {"at": 1})
    truncated = TableChange("db", "shop", "orders", {})
    assert find_span(None, [told]) is None
    assert find_span("at", [told, truncated]) is None
    assert join(Span(1, 2), None) is None


def test_a_change_names_its_table_whole() -> None:
    assert TableChange("db", "shop", "orders", {}).source == "db.shop.orders"
    assert TableChange("db", None, "orders", {}).source == "db.orders"


GATE = """
warehouses:
- name: shop
  connection: {host: h, database: w, user: u}
gates:
- warehouse: shop
  table: shop.orders
  %s
"""


@pytest.mark.parametrize(
    "written",
    [
        "watch: {column: at, every_seconds: 60}",
        "watch: {column: at, window_seconds: 60}",
        "watch: {window_seconds: 60, changes_of: crm.orders}",
        "cron: '*/15 * * * *'",
        "cron: 0 6 * mar fri",
    ],
)
def test_what_a_gate_asks_by_itself_is_read_and_written(written: str) -> None:
    document = parse_document(GATE % written)
    assert parse_document(render_document(document)) == document
    policy = document.gates[0].policy()
    assert bool(policy.watch) is written.startswith("watch")
    assert bool(policy.cron) is written.startswith("cron")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("watch: {column: at}", "give every_seconds, to look at the table, or window_seconds"),
        ("watch: {column: at, every_seconds: 1, window_seconds: 1}", "give every_seconds, to look"),
        ("watch: {every_seconds: 60}", "name the column whose values grow"),
        ("watch: {column: at, every_seconds: 0}", "greater than or equal to 1"),
        ("watch: {column: at, every_seconds: 5, changes_of: a.b}", "changes_of is for change"),
        ("watch: {window_seconds: 5, changes_of: orders}", "match pattern"),
        ("cron: 0 6 * *", "write five fields of cron"),
        ("cron: '0 0 6 * * *'", "write five fields of cron"),
        ("cron: '@hourly'", "write five fields of cron"),
        ("cron: R 6 * * *", "write five fields of cron"),
        ("cron: 61 6 * * *", "out of range; write five fields of cron"),
        ("cron: 0 0 31 2 *", "write five fields of cron"),
    ],
)
def test_what_it_can_not_ask_is_refused_with_the_remedy(written: str, said: str) -> None:
    with pytest.raises(InvalidConfiguration) as refused:
        parse_document(GATE % written)
    assert said in str(refused.value)
