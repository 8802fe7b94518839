"""Whether things are well."""

from __future__ import annotations

from api.views import View


class HealthView(View):
    """What was looked at, and whether it is well."""

    ok: bool
    checks: dict[str, str]
