"""Rule sets and batches."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest

from gatekeeper.domain.batch import Batch, Range, Values, batch_key, parse_batch, render_batch
from gatekeeper.domain.rule import (
    Dimension,
    Entity,
    Kind,
    Rule,
    Severity,
    build_rule_set,
    parse_rule,
)

RULE = Rule(
    "a",
    "not_null",
    {"column": "x"},
    Kind.BUSINESS,
    Dimension.COMPLETENESS,
    Entity.COLUMN,
    Severity.WARN,
)
OTHER = replace(RULE, name="b")


def test_a_rule_set_is_named_by_what_it_holds_in_whatever_order() -> None:
    assert build_rule_set([RULE, OTHER]) == build_rule_set([OTHER, RULE])


@pytest.mark.parametrize(
    "changed",
    [
        replace(RULE, parameters={"column": "y"}),
        replace(RULE, severity=Severity.ERROR),
        replace(RULE, enabled=False),
        replace(RULE, description="why"),
        replace(RULE, kind=Kind.ENGINEERING),
    ],
)
def test_any_change_of_a_rule_is_another_rule_set(changed: Rule) -> None:
    assert build_rule_set([RULE]).hash != build_rule_set([changed]).hash


def test_a_rule_comes_back_from_plain_data() -> None:
    assert parse_rule(json.loads(json.dumps(asdict(RULE)))) == RULE


BATCHES: list[Batch] = [
    Range("day", start="2013-01-01", end="2013-02-01"),
    Range("id", after=1, through=2.5),
    Values("carrier", ("AA", "UA")),
    Values("flag", (True,)),
]


@pytest.mark.parametrize("batch", BATCHES)
def test_a_batch_comes_back_from_its_wire_form(batch: Batch) -> None:
    assert parse_batch(json.loads(json.dumps(render_batch(batch)))) == batch


def test_a_batchs_key_tells_batches_apart() -> None:
    keys = {batch_key(batch) for batch in [*BATCHES, None, Values("flag", (1,))]}
    assert len(keys) == len(BATCHES) + 2
    assert batch_key(BATCHES[0]) == batch_key(Range("day", start="2013-01-01", end="2013-02-01"))
