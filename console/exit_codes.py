"""What the command line's exit status says."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """One status for each verdict; ERROR also where no verdict was reached."""

    PASS = 0
    FAIL = 1
    WARN = 2
    ERROR = 3
    NO_DATA = 4

    @classmethod
    def of(cls, verdict: str | None) -> ExitCode:
        """The status for a verdict; None is one that didn't come in time."""
        return cls[verdict.upper()] if verdict else cls.ERROR
