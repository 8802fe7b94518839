"""A small client of the HTTP API."""

from __future__ import annotations

import math
import time
from typing import Any

import requests

from gatekeeper.domain.errors import GatekeeperError

# How much longer than the wait we asked for an answer may take.
MARGIN_SECONDS = 15
LOOK_SECONDS = 0.5
OPEN_STATES = ("queued", "running")


class RequestRefused(GatekeeperError):
    """The API refused the request, or couldn't be reached."""


class Client:
    """Talks to one StringX."""

    def __init__(self, url: str) -> None:
        self._api = f"{url.rstrip('/')}/api/v1"

    def trigger(
        self, table: str, *, warehouse: str | None = None, wait_seconds: float = 0
    ) -> dict[str, Any]:
        """Ask a gate, and wait for its verdict up to that long; raises RequestRefused."""
        until = time.monotonic() + wait_seconds
        body = {"table": table} | ({"warehouse": warehouse} if warehouse else {})
        run = self._call("POST", "/runs", wait_seconds, json=body)
        # The service has a longest wait of its own.
        while run["state"] in OPEN_STATES and time.monotonic() < until:
            time.sleep(LOOK_SECONDS)
            run = self._call("GET", f"/runs/{run['id']}", 0)
        return run

    def results(self, run_id: str) -> dict[str, Any]:
        """Get the checks of a run."""
        return self._call("GET", f"/runs/{run_id}/results", 0)

    def _call(self, method: str, path: str, wait_seconds: float, **options: Any) -> dict[str, Any]:
        headers = {"Prefer": f"wait={math.ceil(wait_seconds)}"} if wait_seconds else {}
        timeout = wait_seconds + MARGIN_SECONDS
        try:
            answer = requests.request(
                method, self._api + path, headers=headers, timeout=timeout, **options
            )
            content: dict[str, Any] = answer.json()
        except requests.RequestException as error:
            reason = f"no answer from {self._api} ({type(error).__name__}); is StringX running?"
            raise RequestRefused(reason) from error
        if not answer.ok:
            raise RequestRefused(content.get("detail", answer.reason))
        return content
