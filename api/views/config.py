"""What applying a configuration changes."""

from __future__ import annotations

from typing import Any, Self

from api.views import View
from gatekeeper.configuration.changes import Action, Change


class ChangeView(View):
    """One thing that is added, changed or removed; `before` and `after` hold what differs."""

    action: Action
    path: str
    before: dict[str, Any]
    after: dict[str, Any]

    @classmethod
    def of(cls, change: Change) -> Self:
        """Show a change."""
        return cls(
            action=change.action,
            path=change.path,
            before=dict(change.before),
            after=dict(change.after),
        )


class AppliedView(View):
    """What applying a configuration changed, or would change."""

    applied: bool
    changes: list[ChangeView]
