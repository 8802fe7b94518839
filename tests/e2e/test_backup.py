"""A backup of the store, and the way back, as an operator goes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.conftest import shop_service
from tests.e2e.service import Service

BROKEN = "create table one (id int);\nselect no_such_column;\n"


# It starts the service three times.
@pytest.mark.timeout(420)
def test_a_backup_brings_back_what_was_judged_and_the_gate_goes_on() -> None:
    with shop_service() as service:
        home, file = service.home, service.home.directory / "store.sql"
        before = service.judge("shop.orders")
        status, said = home.run("backup", str(file))
        assert (status, file.stat().st_mode & 0o777) == (0, 0o600), said
        service.judge("shop.tried")
        service.stop()

        broken = home.directory / "broken.sql"
        broken.write_text(BROKEN)
        status, said = home.run("restore", "--yes", str(broken))
        assert status == 3
        assert "no_such_column" in said
        service.start()
        assert len(service.get("/runs")["items"]) == 2
        service.stop()

        status, said = home.run("restore", "--yes", str(file))
        assert status == 0, said
        service.start()
        assert [run["id"] for run in service.get("/runs")["items"]] == [before["id"]]
        assert len(service.get(f"/runs/{before['id']}/results")["checks"]) == 2
        assert service.judge("shop.orders")["verdict"] == before["verdict"]


def test_a_store_in_use_is_not_replaced(shop: Service, tmp_path: Path) -> None:
    file = tmp_path / "store.sql"
    file.write_text(BROKEN)
    status, said = shop.home.run("restore", "--yes", str(file))
    assert status == 3
    assert "a StringX service already runs" in said
    url = f"postgresql://stringx@/stringx?host={shop.home.socket}"
    status, said = shop.home.run("restore", "--yes", str(file), STRINGX_DATABASE_URL=url)
    assert status == 3
    assert "other sessions are at the store; stop what uses it first" in said


def test_a_backup_that_can_not_be_written_says_so(shop: Service, tmp_path: Path) -> None:
    status, said = shop.home.run("backup", str(tmp_path / "no" / "store.sql"))
    assert status == 3
    assert "can't be written: No such file or directory" in said
    assert "Traceback" not in said
