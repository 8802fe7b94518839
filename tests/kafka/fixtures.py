"""A real Kafka broker for tests, started when the first test asks for it."""

from __future__ import annotations

import itertools
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from standalone.kafka import KafkaBroker, make_topic, running_broker
from standalone.kafka_libraries import KafkaUnavailable, libraries_home, resolve_libraries

BOOTSTRAP_VARIABLE = "STRINGX_KAFKA_BOOTSTRAP"
# Read before the settings of the shell are taken away from the tests.
BOOTSTRAP = os.environ.get(BOOTSTRAP_VARIABLE)
LIBRARIES_HOME = libraries_home()

_numbers = itertools.count(1)


def do_without(missing: str) -> NoReturn:
    """Skip the test and say what is missing; on CI that is a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail(missing)
    pytest.skip(missing)


@pytest.fixture(scope="session")
def kafka_libraries() -> Path:
    """What a broker of our own consists of."""
    try:
        return resolve_libraries(LIBRARIES_HOME)
    except KafkaUnavailable as error:
        do_without(f"{error} ({BOOTSTRAP_VARIABLE} may name a broker that is there)")


@pytest.fixture(scope="session")
def kafka(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The bootstrap servers of a running broker that all tests share: host:port."""
    if BOOTSTRAP:
        yield BOOTSTRAP
        return
    libraries = request.getfixturevalue("kafka_libraries")
    with running_broker(libraries, tmp_path_factory.mktemp("kafka")) as broker:
        yield broker.bootstrap


@pytest.fixture
def own_broker(kafka_libraries: Path, tmp_path: Path) -> Iterator[KafkaBroker]:
    """A running broker of the test's own, which it may stop and start."""
    with running_broker(kafka_libraries, tmp_path) as broker:
        yield broker


@pytest.fixture(scope="session")
def new_topic(kafka: str) -> Callable[..., str]:
    """Makes a topic of the test's own on the shared broker, and gives its name."""

    def make(partitions: int = 1) -> str:
        name = f"test-{uuid.uuid4().hex[:8]}-{next(_numbers)}"
        make_topic(kafka, name, partitions)
        return name

    return make
