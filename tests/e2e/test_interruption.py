"""Ctrl-C at any point of the demo: it ends, and neither a process nor a lock stays behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.e2e.flights import VERDICTS, read_verdicts
from tests.e2e.service import Home, Process, wait_until

INTERRUPTED = 130

Reached = Callable[[Home, Process], bool]
POINTS: dict[str, Reached] = {
    "the database is made": lambda home, _: home.socket.exists(),
    "the database starts": lambda home, _: (home.socket / "postmaster.pid").exists(),
    "the warehouse is loaded": lambda _, demo: "Migrating the store" in demo.said,
    "the service starts": lambda _, demo: "Applying demo/gates.yml" in demo.said,
    "the gates are judged": lambda _, demo: "Starting web" in demo.said,
}


@pytest.fixture(scope="module")
def shared_home(make_home: Callable[..., Home]) -> Home:
    """Each interruption finds what the one before left, as it would on a user's disk."""
    return make_home()


@pytest.fixture
def home(shared_home: Home) -> Iterator[Home]:
    yield shared_home
    shared_home.end_processes()


@pytest.mark.parametrize("point", POINTS)
def test_an_interrupted_demo_leaves_nothing_running(home: Home, point: str) -> None:
    demo = home.start("demo")
    demo.wait_for(point, lambda: POINTS[point](home, demo))
    demo.press_ctrl_c()
    assert demo.end() == INTERRUPTED
    assert "Traceback" not in demo.said
    home.wait_until_empty()


def test_the_demo_runs_where_it_was_interrupted(home: Home) -> None:
    status, printed = home.run("demo")
    assert status == 0, printed
    assert read_verdicts(printed) == VERDICTS
