"""Homes for services, and one running service on a small warehouse that most tests share."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest

from standalone.postgres import superuser_url
from tests.e2e.service import Home, Service

HERE = Path(__file__).parent


@contextmanager
def new_home(**settings: str) -> Iterator[Home]:
    # A path short enough for a socket, and open to the server's own user.
    directory = Path(tempfile.mkdtemp(prefix="sx-", dir="/tmp"))
    directory.chmod(0o755)
    home = Home(directory, **settings)
    try:
        yield home
    finally:
        home.end_processes()
        shutil.rmtree(directory)


@pytest.fixture(scope="module")
def make_home() -> Iterator[Callable[..., Home]]:
    with ExitStack() as homes:
        yield lambda **settings: homes.enter_context(new_home(**settings))


@contextmanager
def shop_service(**settings: str) -> Iterator[Service]:
    """A running service with the shop's warehouse and its gates."""
    with new_home(STRINGX_LANES="2", **settings) as home:
        service = Service(home)
        home.settings |= {
            "STRINGX_WAREHOUSE_SHOP_HOST": str(home.socket),
            "STRINGX_WAREHOUSE_SHOP_PORT": "5432",
            "STRINGX_WAREHOUSE_SHOP_PASSWORD": "shop-reader-secret",
        }
        service.start()
        _make_warehouse(home)
        yield service
        if service.process.runs:
            service.stop()


@pytest.fixture(scope="session")
def _shop() -> Iterator[Service]:
    with shop_service() as service:
        yield service


def _make_warehouse(home: Home) -> None:
    with psycopg.connect(superuser_url(home.socket), autocommit=True) as server:
        server.execute("create database shop")
    with psycopg.connect(superuser_url(home.socket, "shop")) as warehouse:
        warehouse.execute((HERE / "shop.sql").read_text())
    status, said = home.run("apply", str(HERE / "shop.yml"))
    assert status == 0, said


@pytest.fixture
def shop(_shop: Service) -> Service:
    """The running service; started again where a test before stopped it."""
    _shop.start()
    return _shop
