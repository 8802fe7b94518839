"""What the routes need of the gatekeeper, hung on the Flask app by its factory."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import cast

from flask import current_app

from gatekeeper.domain.rule import RuleType
from gatekeeper.queue.jobs import Queue
from gatekeeper.store.engine import Store
from gatekeeper.store.listener import VerdictListener


@dataclass(frozen=True)
class Backend:
    """The parts that serve requests, for how long one may wait, and who may be called back."""

    store: Store
    queue: Queue
    listener: VerdictListener
    rule_types: Mapping[str, RuleType]
    max_wait_seconds: float
    inline_wait_seconds: float
    callback_hosts: Collection[str] = ()


def backend() -> Backend:
    """The backend of the app that handles the current request."""
    return cast("Backend", current_app.extensions["stringx"])
