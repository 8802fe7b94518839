"""Each overlay, rendered once."""

from __future__ import annotations

from functools import cache

import pytest

from tests.deploy.manifests import OVERLAYS, Manifest, Pod, ToolMissing, find_pods, render
from tests.kafka.fixtures import do_without


@cache
def rendered(folder: str) -> list[Manifest]:
    try:
        return render(folder)
    except ToolMissing as error:
        do_without(str(error))


@pytest.fixture(params=OVERLAYS)
def manifests(request: pytest.FixtureRequest) -> list[Manifest]:
    return rendered(request.param)


@pytest.fixture
def pods(manifests: list[Manifest]) -> list[Pod]:
    return find_pods(manifests)


@pytest.fixture
def production() -> list[Manifest]:
    return rendered("production")
