"""Callbacks of the real service: signed so that the page's own code believes them."""

from __future__ import annotations

import base64
import json
import re
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from gatekeeper.settings import ROOT
from tests.e2e.conftest import shop_service
from tests.e2e.service import Service, wait_until
from tests.receiver import Receiver, running_receiver

PAGE = ROOT / "docs" / "how-to" / "get-called-back.md"
SECRET = f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"


@pytest.fixture(scope="module")
def receivers() -> Iterator[tuple[Receiver, Receiver]]:
    with running_receiver() as quick, running_receiver() as slow:
        yield quick, slow


@pytest.fixture(scope="module")
def service(
    receivers: tuple[Receiver, Receiver], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    secret = tmp_path_factory.mktemp("secrets") / "callback"
    secret.write_text(f"{SECRET}\n")
    with shop_service(
        STRINGX_CALLBACK_HOSTS=",".join(receiver.host for receiver in receivers),
        STRINGX_CALLBACK_SECRET_FILE=str(secret),
    ) as service:
        yield service


def ask(service: Service, url: str, table: str = "shop.orders") -> str:
    answer = service.send("/runs", {"table": table, "callback_url": url})
    assert answer.status_code == 202, answer.text
    return cast("str", answer.json()["id"])


def callback(service: Service, run_id: str) -> Any:
    return service.get(f"/runs/{run_id}")["callback"]


def test_the_code_of_the_page_believes_what_is_posted_and_nothing_else(
    service: Service, receivers: tuple[Receiver, Receiver]
) -> None:
    quick, _ = receivers
    quick.posted.clear()
    run_id = ask(service, f"{quick.host}/hook")
    wait_until("it was posted", lambda: quick.posted)
    (posted,) = quick.posted
    (code,) = re.findall(r"```python\n(.+?)```", PAGE.read_text("utf-8"), re.DOTALL)
    names: dict[str, Callable[..., bool]] = {}
    exec(code, names)  # noqa: S102 - the page's own code
    is_genuine = names["is_genuine"]
    assert is_genuine(posted.headers, posted.body, f"{SECRET}\n")
    assert not is_genuine(posted.headers, posted.body.replace(b"fail", b"pass"), SECRET)
    assert not is_genuine(
        posted.headers, posted.body, f"whsec_{base64.b64encode(b'x' * 32).decode()}"
    )
    earlier = {**posted.headers, "webhook-timestamp": str(int(time.time()) - 3600)}
    assert not is_genuine(earlier, posted.body, SECRET)
    body = json.loads(posted.body)
    assert (body["run_id"], body["verdict"], body["open"]) == (run_id, "fail", False)
    told = {"state": "given", "attempts": 1, "message": ""}
    assert wait_until("it is noted", lambda: callback(service, run_id) == told)


def test_a_slow_receiver_holds_up_nobody_else(
    service: Service, receivers: tuple[Receiver, Receiver]
) -> None:
    quick, slow = receivers
    slow.answers.clear()
    slow.posted.clear()
    waiting = [ask(service, f"{slow.host}/{number}") for number in range(6)]
    wait_until("the slow one is called", lambda: slow.posted)
    quick.posted.clear()
    asked = ask(service, f"{quick.host}/")
    wait_until("the quick one has its answer", lambda: quick.posted)
    assert callback(service, waiting[-1])["state"] == "waiting"
    assert service.finish(asked)["verdict"] == "fail"
    slow.answers.set()
    wait_until(
        "the slow one has them all",
        lambda: {callback(service, run_id)["state"] for run_id in waiting} == {"given"},
        seconds=60,
    )


def test_what_is_owed_outlasts_a_worker_that_is_killed(
    service: Service, receivers: tuple[Receiver, Receiver]
) -> None:
    quick, _ = receivers
    quick.posted.clear()
    service.role("worker").kill()
    run_id = ask(service, f"{quick.host}/after")
    service.finish(run_id)
    wait_until("it was posted", lambda: quick.posted)
    assert quick.posted[0].headers["webhook-id"] == run_id


def test_a_worker_without_a_secret_says_so(service: Service, tmp_path: Path) -> None:
    gone = str(tmp_path / "gone")
    status, said = service.home.run("worker", STRINGX_CALLBACK_SECRET_FILE=gone)
    assert status == 3
    assert "STRINGX_CALLBACK_SECRET_FILE: can't be read" in said
