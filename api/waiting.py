"""Answering with a run: waited for as long as the caller would, and where to look."""

from __future__ import annotations

import re

from flask import request, url_for

from api.backend import backend
from api.views.runs import RunView
from gatekeeper.domain.run import Run
from gatekeeper.store.runs import load_run

_WAIT = re.compile(r"(?:^|,)\s*wait\s*=\s*\"?(\d{1,9})\"?\s*(?:$|[,;])", re.IGNORECASE)

Answer = tuple[RunView, int, dict[str, str]]


def answer_with(run: Run, unasked_seconds: float | None = None) -> Answer:
    """Give 200 and the run when it is over, 202 and where to look while it isn't.

    Waits as long as the request's `Prefer` header says, and else `unasked_seconds`.
    """
    wait_seconds = _preferred_wait()
    headers = {"Preference-Applied": f"wait={wait_seconds:g}"} if wait_seconds else {}
    if wait_seconds is None:
        wait_seconds = unasked_seconds
    if wait_seconds:
        run = _wait_for(run, wait_seconds)
    headers["Location"] = url_for("runs.get_run", run_id=run.id)
    return RunView.of(run), 200 if run.is_over else 202, headers


def _preferred_wait() -> float | None:
    wanted = _WAIT.search(request.headers.get("Prefer", ""))
    return min(float(wanted[1]), backend().max_wait_seconds) if wanted else None


def _wait_for(run: Run, seconds: float) -> Run:
    """Wait without holding a store connection: each look takes one and gives it back."""

    def look() -> Run:
        with backend().store.transaction() as tx:
            return load_run(tx, run.id)

    backend().listener.wait(run.id, seconds, lambda: look().is_over)
    return look()
