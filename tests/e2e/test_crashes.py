"""Processes that are killed, or asked to end, while they carry a run: one verdict all the same."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psutil

from tests.e2e.service import Service, holding, wait_until

# A runner is taken for dead after 15 s without a heartbeat; recovery looks every 3 s.
RECOVERY_SECONDS = 40


def finish_once(shop: Service, run_id: str) -> dict[str, Any]:
    run = shop.finish(run_id)
    assert run["verdict"] == "pass"
    assert shop.counts(run_id) == {"waited": (5, 0)}
    assert len(wait_until("it is logged", lambda: shop.concluded(run_id))) == 1
    return run


def test_a_run_outlives_its_lane(shop: Service) -> None:
    with holding(shop.home.socket):
        run_id = shop.trigger("shop.held")
        lost = shop.wait_until_held(run_id)
        for lane in shop.lanes():
            lane.kill()
        wait_until("its sessions are ended", lambda: not lost & shop.sessions(run_id))
        shop.wait_until_held(run_id)
    assert finish_once(shop, run_id)["attempts"] == 2


def test_a_run_outlives_its_runner(shop: Service) -> None:
    with holding(shop.home.socket):
        run_id = shop.trigger("shop.held")
        lost = shop.wait_until_held(run_id)
        runner, lanes = shop.role("runner"), shop.lanes()
        assert len(lanes) == 2
        runner.kill()
        _, alive = psutil.wait_procs(lanes, timeout=5)
        assert alive == []
        wait_until(
            "another attempt",
            lambda: shop.get(f"/runs/{run_id}")["attempts"] == 2,
            seconds=RECOVERY_SECONDS,
        )
        wait_until("its sessions are ended", lambda: not lost & shop.sessions(run_id))
    assert finish_once(shop, run_id)["attempts"] == 2
    assert shop.role("runner").pid != runner.pid


def test_a_run_outlives_the_database(shop: Service) -> None:
    def server_pid() -> str:
        try:
            return (shop.home.socket / "postmaster.pid").read_text().partition("\n")[0]
        except FileNotFoundError:
            # For a moment, while it is started again.
            return ""

    killed = server_pid()
    with holding(shop.home.socket):
        run_id = shop.trigger("shop.held")
        shop.wait_until_held(run_id)
        psutil.Process(int(killed)).kill()
        wait_until("it is started again", lambda: server_pid() not in ("", killed))
    wait_until("it answers", lambda: shop.home.probe("readyz") == 200)
    assert finish_once(shop, run_id)["attempts"] > 1


def test_a_service_that_is_asked_to_end_finishes_its_runs(shop: Service) -> None:
    with ThreadPoolExecutor(1) as asking:
        with holding(shop.home.socket):
            asked = asking.submit(shop.post, "shop.held", Prefer="wait=30")
            (run,) = wait_until(
                "it runs", lambda: shop.get("/runs?table=shop.held&state=running")["items"]
            )
            shop.wait_until_held(run["id"])
            shop.process.terminate()
            wait_until("it takes no more", lambda: not shop.home.probe("healthz"))
            assert shop.process.runs
        assert shop.process.end() == 0
        answer = asked.result(1)
    assert (answer.status_code, answer.json()["verdict"]) == (200, "pass")
    shop.home.wait_until_empty()
    concluded = shop.concluded(run["id"])
    shop.start()
    run = shop.get(f"/runs/{run['id']}")
    assert (run["state"], run["verdict"], run["attempts"]) == ("finished", "pass", 1)
    assert len(concluded) == 1
    wait_until(
        "the answer is given", lambda: shop.get(f"/runs/{run['id']}")["timings"]["acknowledged_at"]
    )


def test_a_service_that_was_killed_can_be_started_again(shop: Service) -> None:
    def is_left(process: psutil.Process) -> bool:
        return process.name() != "postgres"

    try:
        shop.process.kill()
        # Its PostgreSQL may stay: the next service takes it over.
        wait_until(
            "web, worker and runner have ended",
            lambda: not list(filter(is_left, shop.home.processes())),
            seconds=10,
        )
        shop.start()
        assert shop.judge("shop.orders")["verdict"] == "fail"
    finally:
        if not shop.process.runs:
            shop.home.end_processes()
