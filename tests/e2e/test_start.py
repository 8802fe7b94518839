"""What keeps a service from starting is said, with the exit status of an error."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from gatekeeper.settings import ROOT
from tests.e2e.service import Home, Service, free_port


@pytest.mark.parametrize("verb", ["up", "demo", "worker"])
@pytest.mark.parametrize("setting", ["STRINGX_PORT", "STRINGX_FOO"])
def test_a_bad_setting_is_named(make_home: Callable[..., Home], verb: str, setting: str) -> None:
    status, said = make_home().run(verb, **{setting: "abc"})
    assert status == 3
    assert said.startswith(f"stringx: {setting}: ")
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("verb", ["web", "worker", "runner", "migrate"])
def test_a_part_by_itself_asks_for_a_store(make_home: Callable[..., Home], verb: str) -> None:
    status, said = make_home().run(verb)
    assert status == 3
    assert said.startswith("stringx: STRINGX_DATABASE_URL: ")


@pytest.mark.parametrize("verb", ["up", "demo"])
def test_a_second_service_in_the_same_place_is_refused(shop: Service, verb: str) -> None:
    before = shop.home.processes()
    status, said = shop.home.run(verb, STRINGX_PORT=str(free_port()))
    assert status == 3
    assert f"a StringX service already runs on {shop.home.data_dir}" in said
    assert "Traceback" not in said
    assert shop.judge("shop.orders")["verdict"] == "fail"
    assert {each.pid for each in shop.home.processes()} >= {each.pid for each in before}


def test_a_second_service_on_the_same_port_is_refused(
    shop: Service, make_home: Callable[..., Home]
) -> None:
    home = make_home()
    status, said = home.run("up", STRINGX_PORT=str(shop.home.port))
    assert status == 3
    assert str(shop.home.port) in said
    home.wait_until_empty()
    assert shop.judge("shop.orders")["verdict"] == "fail"


def test_settings_are_read_from_an_env_file_beside_the_script(tmp_path: Path) -> None:
    script = shutil.copy(ROOT / "start-service.sh", tmp_path)
    (tmp_path / ".env").write_text("STRINGX_PYTHON=the-python-of-my-env\n")
    done = subprocess.run([script], capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 3
    assert "the-python-of-my-env isn't there" in done.stderr
