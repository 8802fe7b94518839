"""A broker that asks who one is: StringX says it, and is told in a line where that isn't enough."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gatekeeper.kafka.client import build_config, build_producer
from gatekeeper.kafka.consumer import build_client
from gatekeeper.settings import ROOT, KafkaSettings
from gatekeeper.store.engine import Store
from standalone.kafka import KafkaBroker, make_topic, running_broker
from tests.kafka.security import (
    PASSWORD,
    SCRAM_PASSWORD,
    USER,
    Authority,
    build_listeners,
    build_scram_users,
    build_token,
)

TRIGGERS = "stringx.triggers"
CLIENT = str(ROOT / "sending_kafka_messages.py")
LISTENERS = ("TLS", "MUTUAL", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER")
# The library tries for 30 s.
REFUSED_SECONDS = 120
WRONG_SECRET = "are the user and the secret right"
REASONS = {
    "TLS": "certificate verify failed",
    "MUTUAL": "bad certificate|certificate required",
    "PLAIN": WRONG_SECRET,
    "SCRAM-SHA-256": WRONG_SECRET,
    "SCRAM-SHA-512": WRONG_SECRET,
    "OAUTHBEARER": WRONG_SECRET,
}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority") / "ca")


@pytest.fixture(scope="module")
def broker(
    kafka_libraries: Path, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[KafkaBroker]:
    directory, users = tmp_path_factory.mktemp("secured"), build_scram_users()
    listeners = build_listeners(authority)
    with running_broker(kafka_libraries, directory, None, listeners, users) as broker:
        for topic in (TRIGGERS, "stringx.results", "stringx.triggers.dlq"):
            make_topic(broker.bootstrap, topic, 1)
        yield broker


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The file of each listener that wants a secret."""
    directory = tmp_path_factory.mktemp("secrets")
    given = {
        "PLAIN": PASSWORD,
        "SCRAM-SHA-256": SCRAM_PASSWORD,
        "SCRAM-SHA-512": SCRAM_PASSWORD,
        "OAUTHBEARER": build_token(),
    }
    for name, secret in given.items():
        (directory / name).write_text(secret + "\n")
    return {name: str(directory / name) for name in given}


@pytest.fixture(scope="module")
def own(authority: Authority) -> dict[str, str]:
    """Our own certificate, with its key."""
    certificate, key = authority.sign("orders")
    return {"ssl_certfile": str(certificate), "ssl_keyfile": str(key)}


@pytest.fixture
def ways_in(
    broker: KafkaBroker, authority: Authority, secrets: dict[str, str], own: dict[str, str]
) -> dict[str, dict[str, str]]:
    """The settings by which each listener lets us in."""
    return {
        name: {
            "bootstrap": broker.address_of(name),
            "security_protocol": broker.listeners[name].protocol,
            "ssl_cafile": str(authority.certificate),
            **(own if name == "MUTUAL" else {}),
            **(
                {
                    "sasl_mechanism": name,
                    "sasl_username": USER,
                    "sasl_secret_file": secrets[name],
                }
                if name in secrets
                else {}
            ),
        }
        for name in LISTENERS
    }


@pytest.mark.parametrize("listener", LISTENERS)
def test_we_are_let_in(listener: str, ways_in: dict[str, dict[str, str]]) -> None:
    settings = KafkaSettings.model_validate({**ways_in[listener], "group": listener})
    value = listener.encode()
    with closing(build_producer(settings)) as producer:
        place = producer.send(TRIGGERS, value).get(30)
    with closing(build_client(build_config(settings), settings)) as client:
        found = {}
        while place.offset not in found:
            polled = client.poll(timeout_ms=500).values()
            found.update({each.offset: each.value for records in polled for each in records})
    assert found[place.offset] == value


@pytest.mark.parametrize("listener", LISTENERS)
def test_the_client_of_other_teams_is_let_in(
    listener: str, ways_in: dict[str, dict[str, str]]
) -> None:
    done = send(ways_in[listener])
    assert done.returncode == 0, done.stderr
    assert "shop.orders to stringx.triggers" in done.stdout


def send(way_in: dict[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    named = {
        "sasl_username": "username",
        "sasl_secret_file": "password-file",
        "ssl_cafile": "cafile",
        "ssl_certfile": "certfile",
        "ssl_keyfile": "keyfile",
    }
    given = [
        f"--{named.get(name) or name.replace('_', '-')}={value}" for name, value in way_in.items()
    ]
    return subprocess.run(
        [sys.executable, "-I", CLIENT, "--table=shop.orders", "--wait=0", *given, *options],
        env={},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("listener", ["TLS", "SCRAM-SHA-256"])
def test_the_client_of_other_teams_is_told_why_it_is_not_let_in(
    listener: str, refused_ways_in: dict[str, dict[str, str]]
) -> None:
    done = send(refused_ways_in[listener], "--config=bootstrap_timeout_ms=5000")
    assert done.returncode == 3
    assert re.search(REASONS[listener], done.stderr), done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.fixture
def refused_ways_in(
    ways_in: dict[str, dict[str, str]], tmp_path: Path
) -> dict[str, dict[str, str]]:
    """The same settings, each with the one thing wrong that its listener looks at."""
    (tmp_path / "wrong").write_text("wrong-secret")
    (tmp_path / "old").write_text(build_token(seconds=-600))
    wrong = {"sasl_secret_file": str(tmp_path / "wrong")}
    return {
        "TLS": {
            **ways_in["TLS"],
            "ssl_cafile": str(Authority(tmp_path / "unknown").certificate),
        },
        "MUTUAL": {**ways_in["TLS"], "bootstrap": ways_in["MUTUAL"]["bootstrap"]},
        **{name: ways_in[name] | wrong for name in ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")},
        "OAUTHBEARER": {**ways_in["OAUTHBEARER"], "sasl_secret_file": str(tmp_path / "old")},
    }


def start(verb: str, way_in: dict[str, str], store: Store) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "app.py", *verb.split()],
        cwd=ROOT,
        env={
            **os.environ,
            "STRINGX_DATABASE_URL": store.conninfo,
            **{f"STRINGX_KAFKA_{key.upper()}": value for key, value in way_in.items()},
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.timeout(300)
def test_who_is_not_let_in_is_told_why_in_a_line(
    refused_ways_in: dict[str, dict[str, str]], store: Store
) -> None:
    """All at once: each takes half a minute."""
    asked = [("consumer", name) for name in LISTENERS] + [("dlq list", "TLS")]
    started = [(name, start(verb, refused_ways_in[name], store)) for verb, name in asked]
    for name, process in started:
        with process:
            try:
                _, said = process.communicate(timeout=REFUSED_SECONDS)
            finally:
                process.kill()
        (told,) = [line for line in said.splitlines() if line.startswith("stringx: ")]
        assert "Traceback" not in said
        assert f"Kafka can't be reached at {refused_ways_in[name]['bootstrap']} by " in told
        assert re.search(REASONS[name], told), said
        assert process.returncode == 3
