"""A runner's place in the fleet: it joins by saying that it is there, and goes on saying so."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Sequence
from uuid import uuid4

import psutil
import structlog

from gatekeeper.domain.errors import StoreUnavailable
from gatekeeper.domain.fleet import LaneState, RunnerState
from gatekeeper.store.engine import Store
from gatekeeper.store.runners import delete_runner, save_beat

log = structlog.get_logger(__name__)

EVERY_SECONDS = 3.0


class Presence:
    """Says of this runner that it is there. `lanes` tells what each is at."""

    def __init__(
        self,
        store: Store,
        version: str,
        pools: Sequence[str],
        lanes: Callable[[], Sequence[LaneState]],
    ) -> None:
        self._store = store
        self._version = version
        self._pools = pools
        self._lanes = lanes
        self._id = uuid4()
        self._state = RunnerState.RUNNING

    def beat(self) -> None:
        """Say it once; raises StoreUnavailable."""
        mebibytes = psutil.Process().memory_info().rss // 2**20
        with self._store.transaction() as tx:
            save_beat(
                tx,
                self._id,
                socket.gethostname(),
                os.getpid(),
                self._version,
                self._pools,
                self._state,
                mebibytes,
                self._lanes(),
            )

    async def beat_for_ever(self) -> None:
        """Say it every few seconds; a store that is away is waited for."""
        while True:
            try:
                await asyncio.to_thread(self.beat)
            except StoreUnavailable:
                log.warning("the store doesn't hear this runner", action="beat_waits")
            await asyncio.sleep(EVERY_SECONDS)

    def drain(self) -> None:
        """From now on say that it takes no more runs."""
        self._state = RunnerState.DRAINING

    def close(self) -> None:
        """Leave the fleet. Whoever can't say so is taken for lost."""
        try:
            with self._store.transaction() as tx:
                delete_runner(tx, self._id)
        except StoreUnavailable:
            log.warning("left without saying so", action="left_unheard")
