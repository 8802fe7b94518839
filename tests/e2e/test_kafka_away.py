"""While no broker answers, what doesn't need one goes on."""

from __future__ import annotations

from tests.e2e.conftest import shop_service
from tests.e2e.service import wait_until


def test_a_worker_that_finds_no_broker_works_all_the_same() -> None:
    with shop_service(STRINGX_KAFKA_BOOTSTRAP="127.0.0.1:1") as service:
        run_id = service.judge("shop.orders")["id"]
        wait_until(
            "whoever asked over HTTP has the answer",
            lambda: service.get(f"/runs/{run_id}")["timings"]["acknowledged_at"],
            seconds=60,
        )
        worker = service.role("worker").pid
        wait_until(
            "it says why results wait",
            lambda: "Kafka can't be reached at 127.0.0.1:1" in service.process.said,
            seconds=60,
        )
        assert service.role("worker").pid == worker
