"""Trials on a running service: a rule that isn't saved, and rules held to what was judged."""

from __future__ import annotations

from typing import Any

from tests.e2e.service import Service, wait_until

GATE = "/gates/shop.tried"
NORTH = {"column": "region", "values": ["north"]}
SOUTH = {"column": "region", "values": ["south"]}
FIRST_TWO = {"column": "id", "from": 1, "to": 3}


def test_a_rule_that_is_not_saved_is_tried_and_leaves_no_trace(shop: Service) -> None:
    judged = shop.judge("shop.tried")
    gate, history = shop.get(GATE), shop.get(f"{GATE}/rule-sets")
    rule = {"type": "accepted_values", "parameters": {"column": "region", "values": ["north"]}}
    answer = shop.send(f"{GATE}/rules/try", {"rule": rule}, Prefer="wait=30")
    assert answer.status_code in (200, 202), answer.text
    tried = shop.finish(answer.json()["id"])
    assert (tried["purpose"], tried["verdict"], tried["open"]) == ("try", "fail", False)
    assert shop.counts(tried["id"]) == {"tried": (5, 2)}
    assert shop.get(GATE) == gate
    assert shop.get(f"{GATE}/rule-sets") == history
    assert shop.get(f"{GATE}/verdict")["id"] == judged["id"]
    assert shop.get("/runs?table=shop.tried&limit=1")["items"][0]["id"] == judged["id"]


def test_changed_rules_are_held_to_the_last_batches(shop: Service) -> None:
    for batch in (FIRST_TWO, NORTH, SOUTH):
        shop.finish(shop.trigger("shop.tried", batch))
    rules = [
        {"name": "customer_present", "type": "not_null", "parameters": {"column": "customer_id"}},
        {"name": "id_unique", "type": "unique", "parameters": {"columns": ["id"]}},
    ]
    answer = shop.send(f"{GATE}/backtest", {"rules": rules, "batches": 3})
    assert answer.status_code == 202, answer.text

    def finished() -> dict[str, Any] | None:
        backtest = shop.get(f"/backtests/{answer.json()['id']}")
        return backtest if backtest["state"] == "finished" else None

    backtest = wait_until("the backtest is finished", finished, seconds=60)
    assert backtest["summary"] == (
        "would have closed the gate 2 times of 3 (1 time as it was judged then)"
    )
    verdicts = [
        (each["batch"], each["now"]["verdict"], each["then"]["verdict"])
        for each in backtest["items"]
    ]
    assert verdicts == [
        (SOUTH, "fail", "fail"),
        (NORTH, "fail", "warn"),
        (FIRST_TWO, "pass", "pass"),
    ]
