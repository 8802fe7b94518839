"""Ending on a signal as on an exception, so that whatever was started is stopped again."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
AGAIN_SECONDS = 0.01


class Interrupted(SystemExit):
    """A signal asked the process to end; its exit status is the shell's for that signal."""

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)
        self.number = number


def end_on_signals() -> None:
    """Raise Interrupted in the main thread at the first signal; the cleaning up that follows is
    not disturbed by more of them.
    """
    for number in SIGNALS:
        signal.signal(number, _interrupt)
    sys.unraisablehook = _strike_again


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


def _strike_again(lost: UnraisableHookArgs) -> None:
    """Python raises nothing out of a finalizer or a weak reference's callback, of which each import
    has one: a signal that strikes there would be lost.
    """
    if not isinstance(lost.exc_value, Interrupted):
        sys.__unraisablehook__(lost)
        return
    number = lost.exc_value.number
    signal.signal(number, _interrupt)
    threading.Timer(AGAIN_SECONDS, os.kill, (os.getpid(), number)).start()


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
