"""A demo that is interrupted: it ends, and neither a process nor a lock stays behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.e2e.flights import VERDICTS, read_verdicts
from tests.e2e.service import Home, Process

EXIT_STATUS: dict[Callable[[Process], None], int] = {
    Process.press_ctrl_c: 130,
    Process.terminate: 143,
}


@pytest.fixture(scope="module")
def shared_home(make_home: Callable[..., Home]) -> Home:
    """What one interruption leaves on the disk, the next demo finds."""
    return make_home()


@pytest.fixture
def home(shared_home: Home) -> Iterator[Home]:
    yield shared_home
    shared_home.end_processes()


def interrupt(
    home: Home, reached: Callable[[Process], bool], how: Callable[[Process], None]
) -> None:
    demo = home.start("demo")
    demo.wait_for("the point to interrupt it at", lambda: reached(demo))
    how(demo)
    assert demo.end() == EXIT_STATUS[how]
    assert "Traceback" not in demo.said
    home.wait_until_empty()


@pytest.mark.parametrize(
    ("file", "how"),
    [
        ("PG_VERSION", Process.press_ctrl_c),
        ("PG_VERSION", Process.terminate),
        ("postmaster.pid", Process.terminate),
    ],
    ids=["ctrl-c while it is made", "terminated while it is made", "terminated while it starts"],
)
def test_a_demo_interrupted_with_its_database(
    make_home: Callable[..., Home], file: str, how: Callable[[Process], None]
) -> None:
    home = make_home()
    interrupt(home, lambda _: (home.socket / file).exists(), how)
    interrupt(home, lambda demo: "Starting PostgreSQL" in demo.said, Process.press_ctrl_c)


@pytest.mark.parametrize(
    "after", ["Migrating the store", "Applying demo/gates.yml", "Starting web, worker and runner"]
)
def test_a_demo_interrupted_at_work(home: Home, after: str) -> None:
    interrupt(home, lambda demo: after in demo.said, Process.press_ctrl_c)


def test_a_demo_runs_where_others_were_interrupted(home: Home) -> None:
    status, printed = home.run("demo")
    assert status == 0, printed
    assert read_verdicts(printed) == VERDICTS
