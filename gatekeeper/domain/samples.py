"""Samples of failing rows: what a gate may show of them, and for how long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Show(StrEnum):
    """Which columns of a failing row may be kept."""

    OFF = "off"
    KEYS = "keys"
    COLUMNS = "columns"


class Mask(StrEnum):
    """What is kept in place of a value: a salted hash, its first and last character, nothing."""

    HASH = "hash"
    PARTIAL = "partial"
    REDACT = "redact"


MAX_ROWS = 100


@dataclass(frozen=True)
class SamplePolicy:
    """What may be kept of a check's failing rows. `key` are the columns that tell a row from
    another; `columns` are kept beside them where `show` says so. No other column ever is.
    """

    show: Show = Show.OFF
    key: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    masks: Mapping[str, Mask] = field(default_factory=dict)
    rows: int = 20
    keep_hours: int = 72

    @property
    def allowed(self) -> tuple[str, ...]:
        """The columns that may be kept."""
        match self.show:
            case Show.OFF:
                return ()
            case Show.KEYS:
                return self.key
            case Show.COLUMNS:
                return tuple(dict.fromkeys([*self.key, *self.columns]))


NO_SAMPLES = SamplePolicy()


def parse_sample_policy(content: Mapping[str, Any]) -> SamplePolicy:
    """Read a policy back from the plain data that `asdict` gave; nothing means off."""
    masks = {column: Mask(mask) for column, mask in content.get("masks", {}).items()}
    lists = {name: tuple(content.get(name, ())) for name in ("key", "columns")}
    show = Show(content.get("show", Show.OFF))
    return SamplePolicy(**{**content, **lists, "show": show, "masks": masks})


@dataclass(frozen=True)
class Sampling:
    """What a runner is to take of each check's failing rows. `salt` is the gate's own, so that the
    hashes of two gates can't be compared.
    """

    columns: tuple[str, ...]
    masks: Mapping[str, Mask]
    rows: int
    salt: str


Sample = Mapping[str, str | None]
"""One failing row: what is shown of it, by column, in its written form."""
