"""The demo, run as a newcomer runs it: what it finds is known, and it leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.e2e.flights import COUNTS, VERDICTS, read_counts, read_verdicts
from tests.e2e.service import Home, Service

EXIT_STATUS = {"pass": 0, "fail": 1, "warn": 2}


@pytest.fixture(scope="module")
def home(make_home: Callable[..., Home]) -> Home:
    return make_home()


@pytest.fixture(scope="module")
def service(home: Home) -> Iterator[Service]:
    """The service, started where the demo has been."""
    service = Service(home)
    service.start()
    yield service
    service.stop()


@pytest.mark.parametrize("time", ["first", "second"])
def test_the_demo_finds_what_is_in_the_data_and_ends(home: Home, time: str) -> None:
    status, printed = home.run("demo")
    assert status == 0, printed
    assert read_verdicts(printed) == VERDICTS
    assert read_counts(printed) == COUNTS
    home.wait_until_empty()


@pytest.mark.parametrize("table", VERDICTS)
def test_a_service_started_afterwards_knows_the_verdicts(service: Service, table: str) -> None:
    run = service.get(f"/gates/{table}/verdict")
    assert (run["verdict"], run["state"]) == (VERDICTS[table], "finished")
    assert run["open"] is (run["verdict"] != "fail")
    assert service.counts(run["id"]) == COUNTS[table]
    assert len(service.get(f"/runs?table={table}")["items"]) == 2


@pytest.mark.parametrize("table", ["flights.airlines", "flights.planes", "flights.flights"])
def test_check_exits_with_the_verdict(service: Service, home: Home, table: str) -> None:
    status, printed = home.run("check", table, STRINGX_URL=home.url)
    assert status == EXIT_STATUS[VERDICTS[table]], printed
    assert read_counts(printed) == {table: COUNTS[table]}


def test_check_of_an_unknown_gate_says_so(service: Service, home: Home) -> None:
    status, printed = home.run("check", "flights.gone", STRINGX_URL=home.url)
    assert status == 3
    assert "no gate is called 'flights.gone'" in printed


@pytest.mark.parametrize(
    ("start", "end", "verdict", "tested"),
    [("2013-01-01", "2013-02-01", "fail", 27_004), ("2014-01-01", "2014-02-01", "no_data", 0)],
)
def test_a_month_is_judged_as_a_batch(
    service: Service, start: str, end: str, verdict: str, tested: int
) -> None:
    batch = {"column": "flight_date", "from": start, "to": end}
    run = service.finish(service.trigger("flights.flights", batch))
    assert (run["verdict"], run["open"]) == (verdict, False)
    assert {rows for rows, _ in service.counts(run["id"]).values()} == {tested}
