"""What the API shows. A view shows a thing of the domain as it is, and decides nothing."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class View(BaseModel):
    """What the API shows."""

    model_config = ConfigDict(frozen=True)
