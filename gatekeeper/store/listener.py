"""Waiting for verdicts without holding a connection for each that waits.

One thread of the process listens on one connection of its own, and wakes whoever waits for the
run that a notification names.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable

import psycopg
import structlog

from gatekeeper.domain.run import RunId
from gatekeeper.store.answers import ACKNOWLEDGED

log = structlog.get_logger(__name__)

# A notification can be lost with its connection; the state is looked at this often all the same.
LOOK_SECONDS = 2.0
RECONNECT_SECONDS = 1.0


class VerdictListener:
    """Wakes those who wait for a run. At most `limit` may wait at once: each holds a thread."""

    def __init__(self, conninfo: str, limit: int) -> None:
        self._conninfo = conninfo
        self._places = threading.Semaphore(limit)
        self._waiting: defaultdict[str, set[threading.Event]] = defaultdict(set)
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def close(self) -> None:
        """Stop listening, soon."""
        self._closed.set()

    def wait(self, run_id: RunId, seconds: float, is_over: Callable[[], bool]) -> bool:
        """Wait until `is_over()`, asked after each notification of the run, and now and then.

        False when the time is up, or at once where too many wait already.
        """
        if not self._places.acquire(blocking=False):
            return is_over()
        try:
            return self._wait(str(run_id), seconds, is_over)
        finally:
            self._places.release()

    def _wait(self, run_id: str, seconds: float, is_over: Callable[[], bool]) -> bool:
        until = time.monotonic() + seconds
        woken = threading.Event()
        self._add(run_id, woken)
        try:
            while not is_over():
                left = until - time.monotonic()
                if left <= 0:
                    return False
                woken.wait(min(left, LOOK_SECONDS))
                woken.clear()
            return True
        finally:
            self._remove(run_id, woken)

    def _add(self, run_id: str, woken: threading.Event) -> None:
        with self._lock:
            self._waiting[run_id].add(woken)
            # Started by the first who waits: after the web server has forked its processes.
            if self._thread is None:
                self._thread = threading.Thread(target=self._listen_for_ever, daemon=True)
                self._thread.start()

    def _remove(self, run_id: str, woken: threading.Event) -> None:
        with self._lock:
            self._waiting[run_id].discard(woken)
            if not self._waiting[run_id]:
                del self._waiting[run_id]

    def _listen_for_ever(self) -> None:
        while not self._closed.is_set():
            try:
                self._listen()
            except psycopg.Error as error:
                log.warning(
                    "listening was cut off",
                    action="listener_waits",
                    reason=type(error).__name__,
                )
                self._closed.wait(RECONNECT_SECONDS)

    def _listen(self) -> None:
        with psycopg.connect(self._conninfo, autocommit=True) as connection:
            connection.execute(f"listen {ACKNOWLEDGED}")
            while not self._closed.is_set():
                for notification in connection.notifies(timeout=LOOK_SECONDS):
                    self._wake(notification.payload)

    def _wake(self, run_id: str) -> None:
        with self._lock:
            for woken in self._waiting.get(run_id, ()):
                woken.set()
