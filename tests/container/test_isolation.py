"""What a runner can reach, and what its lanes know."""

from __future__ import annotations

import json
import socket

import pytest

from tests.container.engine import docker
from tests.container.stack import Stack, inspect

# In the container: each host and port of the arguments, and whether it takes a connection.
PROBE = """
import json, socket, sys
from concurrent.futures import ThreadPoolExecutor

def look(place):
    host, port = place.rsplit(":", 1)
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except OSError:
        return "closed"
    return "open"

with ThreadPoolExecutor(16) as looking:
    print(json.dumps(dict(zip(sys.argv[1:], looking.map(look, sys.argv[1:])))))
"""
# In the container: the environment of each lane, and of the runner itself.
ENVIRONMENTS = """
import json, pathlib
found = {"lanes": [], "runner": []}
for process in pathlib.Path("/proc").glob("[0-9]*"):
    command = (process / "cmdline").read_bytes().split(b"\\0")
    kind = "lanes" if b"runner.lane" in command else "runner" if b"app.py" in command else None
    if kind:
        found[kind].append((process / "environ").read_text().split("\\0"))
print(json.dumps(found))
"""


def probe(container: str, *places: str) -> dict[str, str]:
    said = docker("exec", container, "python", "-c", PROBE, *places, seconds=120)
    found: dict[str, str] = json.loads(said)
    return found


@pytest.fixture
def runner(stack: Stack) -> str:
    return stack.containers("runner")[0]


def test_a_runner_reaches_the_store_and_the_warehouse(stack: Stack, runner: str) -> None:
    found = probe(runner, "postgres:5432", "warehouse:5432")
    assert set(found.values()) == {"open"}


def test_a_runner_reaches_no_other_container(stack: Stack, runner: str) -> None:
    ports = {"web": 5001, "portal": 8001, "kafka": 9092}
    places = [
        f"{network['IPAddress']}:{port}"
        for service, port in ports.items()
        for network in inspect(stack.container(service))["NetworkSettings"]["Networks"].values()
    ]
    assert len(places) == 5
    named = [f"{service}:{port}" for service, port in ports.items()]
    assert set(probe(runner, *places, *named).values()) == {"closed"}
    # They are there for those whose business it is.
    assert probe(stack.container("worker"), "kafka:9092") == {"kafka:9092": "open"}


def test_a_runner_does_not_reach_this_machine(stack: Stack, runner: str) -> None:
    with socket.create_server(("0.0.0.0", 0)) as server:  # noqa: S104 - as a careless one would
        port = server.getsockname()[1]
        gateways = [
            f"{config['Gateway']}:{port}"
            for name in inspect(runner)["NetworkSettings"]["Networks"]
            for config in json.loads(docker("network", "inspect", name))[0]["IPAM"]["Config"]
        ]
        assert set(probe(runner, *gateways).values()) == {"closed"}
        web = stack.container("web")
        outside = inspect(web)["NetworkSettings"]["Networks"][stack.network("outside")]
        place = f"{outside['Gateway']}:{port}"
        assert probe(web, place) == {place: "open"}


def test_a_runner_reaches_nothing_beyond(stack: Stack, runner: str) -> None:
    networks = inspect(runner)["NetworkSettings"]["Networks"]
    assert set(networks) == {stack.network("runners"), stack.network("warehouses")}
    for name in networks:
        assert json.loads(docker("network", "inspect", name))[0]["Internal"]
    beyond = ("example.com:80", "1.1.1.1:443", "8.8.8.8:53")
    assert set(probe(runner, *beyond).values()) == {"closed"}


def test_a_lane_knows_nothing_of_the_store(stack: Stack, runner: str) -> None:
    stack.finish(stack.trigger("flights.airlines"))
    found = json.loads(docker("exec", runner, "python", "-c", ENVIRONMENTS))
    assert len(found["lanes"]) == 2
    for environment in found["lanes"]:
        names = {entry.partition("=")[0] for entry in environment if entry}
        assert names <= {"PATH", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "HOME", "PYTHONWARNINGS"}
    told = json.dumps(found)
    assert "STRINGX_DATABASE_URL_FILE" in told
    assert stack.store_password not in told
