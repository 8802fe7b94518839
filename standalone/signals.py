"""Ending on a signal as on an exception, so that whatever was started is stopped again."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(SystemExit):
    """A signal asked the process to end; its exit status is the shell's for that signal."""

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)


def end_on_signals() -> None:
    """Raise Interrupted in the main thread at the first signal; the cleaning up that follows is
    not disturbed by more of them.
    """
    for number in SIGNALS:
        signal.signal(number, _interrupt)


def stop_on_signals() -> threading.Event:
    """Give an event that the first signal sets, for a loop that ends between two of its turns."""
    stop = threading.Event()
    for number in SIGNALS:
        signal.signal(number, lambda *_: stop.set())
    return stop


def _interrupt(number: int, _: FrameType | None) -> None:
    for each in SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise Interrupted(number)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let a step that must not be cut in two end before a signal is heeded."""
    heard: list[int] = []
    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number in SIGNALS:
        signal.signal(number, lambda each, _: heard.append(each))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if heard:
            signal.raise_signal(heard[0])
