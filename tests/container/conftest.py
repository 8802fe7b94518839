"""An engine, the images, and one stack that most tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.play import GATES
from demo.warehouse import READER, load_warehouse
from gatekeeper.settings import load_settings
from standalone.service import Place
from tests.container.engine import EngineUnavailable, running_engine
from tests.container.images import build_kafka, build_postgres, build_stringx, make_base
from tests.container.stack import Images, Stack
from tests.kafka.fixtures import do_without

FLEET = (Path(__file__).parent / "fleet.yml").read_text()


@pytest.fixture(scope="session")
def engine() -> Iterator[None]:
    try:
        with running_engine():
            yield
    except EngineUnavailable as error:
        do_without(f"no Docker engine can be had here: {error}")


@pytest.fixture(scope="session")
def base(engine: None) -> str:
    try:
        return make_base()
    except EngineUnavailable as error:
        do_without(f"no base image can be made here: {error}")


@pytest.fixture(scope="session")
def stringx_image(base: str) -> str:
    return build_stringx(base, "0.1.0")


@pytest.fixture(scope="session")
def images(base: str, stringx_image: str, kafka_libraries: Path) -> Images:
    return Images(stringx_image, build_postgres(base), build_kafka(base, kafka_libraries))


@pytest.fixture(scope="session")
def stack(images: Images, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Two runners, with the flights and the fleet's tables in the warehouse, and their gates."""
    stack = Stack(tmp_path_factory.mktemp("stack"), images)
    try:
        stack.up(runners=2)
        _load(stack, tmp_path_factory.mktemp("flights"))
        yield stack
    finally:
        stack.down()


def _load(stack: Stack, directory: Path) -> None:
    host = stack.address("warehouse", "outside")
    admin = f"postgresql://admin:{stack.warehouse_password}@{host}:5432/admin"
    load_warehouse(load_settings().model_copy(update={"data_dir": directory}), Place(admin, None))
    stack.query_warehouse(
        "create schema fleet;"
        "create table fleet.parts as"
        " select i as id, i % 400 as part from generate_series(1, 4000) i;"
        "create view fleet.slow as select id, part, pg_sleep(0.01) is not null as slept"
        " from fleet.parts where id <= 2000;"
        f"grant usage on schema fleet to {READER};"
        f"grant select on all tables in schema fleet to {READER}"
    )
    password = (directory / "demo-reader-password").read_text()
    (stack.secrets / "warehouses" / "demo_password").write_text(password)
    stack.apply(
        GATES.read_text("utf-8").replace(
            "env:STRINGX_WAREHOUSE_DEMO_PASSWORD", "file:demo_password"
        )
    )
    stack.apply(FLEET)
