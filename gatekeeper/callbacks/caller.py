"""The caller: gives the callbacks that are owed to one host, one after another, at least once.

Each listed host has a caller of its own in a worker, so that one that is slow holds up nobody else.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import timedelta

import structlog

from gatekeeper.callbacks.post import CallFailed, post
from gatekeeper.callbacks.signature import sign
from gatekeeper.contracts.result import build_result, encode_json
from gatekeeper.domain.errors import StoreUnavailable
from gatekeeper.store.callbacks import (
    DueCallback,
    claim_callback,
    note_called,
    note_failed,
)
from gatekeeper.store.engine import Store
from gatekeeper.store.runs import load_run

log = structlog.get_logger(__name__)

PAUSES = (
    timedelta(seconds=5),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=8),
    timedelta(hours=8),
)
"""How long is waited after each call that came to nothing: a day in all, and then no more."""

IDLE_SECONDS = 0.5
BACK_OFF_SECONDS = 2.0


class Caller:
    """Calls one host, as `host_of` gives it."""

    def __init__(self, store: Store, secrets: Sequence[bytes], host: str) -> None:
        self._store = store
        self._secrets = secrets
        self._host = host

    def call(self) -> bool:
        """Give the callback that has been due longest; False where none is due.

        No transaction is open meanwhile. One that is given and not noted is given again, with the
        same id.
        """
        with self._store.transaction() as tx:
            due = claim_callback(tx, self._host)
            if due is None:
                return False
            run = load_run(tx, due.run_id)
        body = encode_json(build_result(run, due.asked))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "stringx",
            **sign(self._secrets, str(run.id), int(time.time()), body),
        }
        try:
            post(due.url, body, headers)
        except CallFailed as failure:
            self._note_failed(due, str(failure))
        else:
            self._note_called(due)
        return True

    def _note_called(self, due: DueCallback) -> None:
        with self._store.transaction() as tx:
            note_called(tx, due)
        log.info("callback given", action="called_back", run_id=str(due.run_id), host=self._host)

    def _note_failed(self, due: DueCallback, reason: str) -> None:
        pause = dict(enumerate(PAUSES, start=1)).get(due.attempt)
        with self._store.transaction() as tx:
            note_failed(tx, due, reason, pause)
        told = {"run_id": str(due.run_id), "host": self._host, "attempt": due.attempt}
        if pause is None:
            log.error("callback given up", action="callback_given_up", reason=reason, **told)
        else:
            log.warning("callback put off", action="callback_put_off", reason=reason, **told)

    async def call_for_ever(self) -> None:
        """Call as callbacks become due; a store that is away is waited for."""
        while True:
            try:
                pause = 0 if await asyncio.to_thread(self.call) else IDLE_SECONDS
            except StoreUnavailable as error:
                log.warning("callbacks wait", action="callbacks_wait", reason=str(error))
                pause = BACK_OFF_SECONDS
            await asyncio.sleep(pause)
