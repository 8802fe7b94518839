"""Callers in several processes and threads: all begin at once, and each calls again and again on
a connection that it keeps.
"""

from __future__ import annotations

import multiprocessing
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from multiprocessing.pool import Pool
from multiprocessing.synchronize import Barrier

READY_SECONDS = 60

Call = Callable[[], str | None]
"""Has one thing stored; gives its id, or None where it was refused."""


@dataclass(frozen=True)
class Errand:
    """What every thread does: connect to the target, then call so many times."""

    connect: Callable[[str], AbstractContextManager[Call]]
    target: str
    calls: int


@dataclass(frozen=True)
class Answers:
    """What came of calls: the seconds of those that were accepted, the ids of what they had
    stored, how many were refused, and between which moments of the machine's clock they ran.
    """

    seconds: Sequence[float]
    ids: Sequence[str]
    refused: int
    began: float
    ended: float


class Callers:
    """Processes with so many threads each, ready to run errands."""

    def __init__(self, pool: Pool, processes: int, threads: int) -> None:
        self._pool = pool
        self._processes = processes
        self._threads = threads

    def run(self, errand: Errand) -> Answers:
        """Have every thread run the errand, at the same time."""
        # The barrier holds each process at its errand until every other one has taken one too.
        errands = [(errand, self._threads)] * self._processes
        return _gather(self._pool.starmap(_run_in_threads, errands, chunksize=1))


@contextmanager
def open_callers(processes: int, threads: int) -> Iterator[Callers]:
    """Start the processes; they end with the context, whatever they do."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(processes * threads)
    with context.Pool(processes, _begin_process, [barrier]) as pool:
        yield Callers(pool, processes, threads)


_barrier: list[Barrier] = []


def _begin_process(barrier: Barrier) -> None:
    # A Ctrl-C is the parent's to handle, which ends us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _barrier.append(barrier)


def _run_in_threads(errand: Errand, threads: int) -> Answers:
    with ThreadPoolExecutor(threads) as executor:
        return _gather(list(executor.map(_run, [errand] * threads)))


def _run(errand: Errand) -> Answers:
    seconds, ids = [], []
    with errand.connect(errand.target) as call:
        _barrier[0].wait(READY_SECONDS)
        began = time.monotonic()
        for _ in range(errand.calls):
            started = time.monotonic()
            stored = call()
            if stored is not None:
                seconds.append(time.monotonic() - started)
                ids.append(stored)
        return Answers(seconds, ids, errand.calls - len(ids), began, time.monotonic())


def _gather(parts: Sequence[Answers]) -> Answers:
    return Answers(
        seconds=[each for part in parts for each in part.seconds],
        ids=[each for part in parts for each in part.ids],
        refused=sum(part.refused for part in parts),
        began=min(part.began for part in parts),
        ended=max(part.ended for part in parts),
    )
