"""Keeping credentials out of whatever leaves the runner."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

MASK = "***"
_URL_CREDENTIALS = re.compile(r"(?<=://)[^/\s:@]+:[^/\s@]+(?=@)")
_PASSWORD_FIELD = re.compile(r"(?i)(password\s*[=:]\s*)(\S+)")


def redact(text: str, connection: Mapping[str, Any]) -> str:
    """Mask the connection's password wherever it stands, and whatever looks like one."""
    password = str(connection.get("password") or "")
    if password:
        text = text.replace(password, MASK)
    return _PASSWORD_FIELD.sub(rf"\g<1>{MASK}", _URL_CREDENTIALS.sub(MASK, text))
