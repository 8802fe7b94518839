"""Runs on a service that is well: asked for at once, side by side, one after another, too slow."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Barrier
from typing import Any
from uuid import uuid4

import pytest

from tests.e2e.service import Service, holding, wait_until

TOGETHER = 20
DEADLINE_SECONDS = 3
NORTH = {"column": "region", "values": ["north"]}
SOUTH = {"column": "region", "values": ["south"]}


def interval(run: dict[str, Any]) -> tuple[datetime, datetime]:
    started, finished = (
        datetime.fromisoformat(run["timings"][f"{each}_at"]) for each in ("started", "finished")
    )
    assert started < finished
    return started, finished


def overlap(one: dict[str, Any], other: dict[str, Any]) -> bool:
    (started, finished), (others_start, others_finish) = interval(one), interval(other)
    return started < others_finish and others_start < finished


def test_the_same_trigger_twenty_times_at_once_is_one_run(shop: Service) -> None:
    key, ready = uuid4().hex, Barrier(TOGETHER)
    before = shop.get("/runs?table=shop.orders&limit=500")["items"]

    def ask() -> tuple[int, str]:
        ready.wait(10)
        answer = shop.post("shop.orders", **{"Idempotency-Key": key, "Prefer": "wait=30"})
        return answer.status_code, answer.json()["id"]

    with ThreadPoolExecutor(TOGETHER) as threads:
        asked = [threads.submit(ask) for _ in range(TOGETHER)]
        answers = {each.result() for each in asked}
    assert {status for status, _ in answers} <= {200, 202}
    (run_id,) = {run_id for _, run_id in answers}
    run = shop.finish(run_id)
    assert (run["verdict"], run["attempts"]) == ("fail", 1)
    assert shop.counts(run_id) == {"customer_present": (5, 1), "id_unique": (5, 1)}
    assert len(wait_until("it is logged", lambda: shop.concluded(run_id))) == 1
    after = shop.get("/runs?table=shop.orders&limit=500")["items"]
    assert [each["id"] for each in after] == [run_id, *(each["id"] for each in before)]


def test_the_same_key_with_another_body_is_refused(shop: Service) -> None:
    key = {"Idempotency-Key": uuid4().hex}
    assert shop.post("shop.orders", **key).status_code == 202
    refused = shop.post("shop.orders", NORTH, **key)
    assert refused.status_code == 409
    assert refused.json()["code"] == "idempotency_conflict"


@pytest.mark.parametrize(
    ("one", "other"),
    [(("shop.held", None), ("shop.also_held", None)), (("shop.held", NORTH), ("shop.held", SOUTH))],
    ids=["gates", "batches"],
)
def test_runs_of_the_same_wait_for_each_other_and_different_ones_do_not(
    shop: Service, one: tuple[str, Any], other: tuple[str, Any]
) -> None:
    with holding(shop.home.socket):
        first, second, third = (shop.trigger(*each) for each in (one, one, other))
        # The third takes the free lane though the second has waited longer for one.
        shop.wait_until_held(first)
        shop.wait_until_held(third)
        assert shop.get(f"/runs/{second}")["state"] == "queued"
    ran_first, ran_second, ran_third = (shop.finish(each) for each in (first, second, third))
    assert {run["verdict"] for run in (ran_first, ran_second, ran_third)} == {"pass"}
    assert not overlap(ran_first, ran_second)
    assert overlap(ran_first, ran_third)


def test_a_run_that_meets_its_deadline_could_not_judge(shop: Service) -> None:
    # A lane that is new has dbt to load first, which counts.
    wait_until("a lane is warm", lambda: shop.judge("shop.held_too_long")["verdict"] == "pass")
    with holding(shop.home.socket):
        run_id = shop.trigger("shop.held_too_long")
        shop.wait_until_held(run_id)
        run = shop.finish(run_id)
        wait_until("its sessions are ended", lambda: not shop.sessions(run_id), seconds=2)
    assert (run["verdict"], run["open"], run["attempts"]) == ("error", False, 1)
    assert f"deadline of {DEADLINE_SECONDS} s" in run["message"]
    started, finished = interval(run)
    assert DEADLINE_SECONDS <= (finished - started).total_seconds() < DEADLINE_SECONDS + 5
    assert shop.counts(run_id) == {"waited": (None, None)}
    assert shop.judge("shop.held")["verdict"] == "pass"
