"""The pulse of a process that serves no HTTP: a file, touched for as long as its loop turns.

A container's health check looks how old it is (console/alive.py). It says that the process lives,
not that the store does: a store that is away is waited for, and web's /readyz tells of it.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

BEAT_SECONDS = 3.0


def beat(file: Path | None) -> None:
    """Touch the file, where there is one."""
    if file is not None:
        file.touch()


async def beat_for_ever(file: Path | None) -> None:
    """Beat along with a process's other tasks."""
    while True:
        beat(file)
        await asyncio.sleep(BEAT_SECONDS)
