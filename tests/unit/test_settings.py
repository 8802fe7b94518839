"""Settings are refused by name when they are wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.exit_codes import ExitCode
from gatekeeper.domain.errors import InvalidConfiguration
from gatekeeper.domain.verdict import Verdict
from gatekeeper.settings import load_kafka_settings, load_settings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STRINGX_PORT", "abc"),
        ("STRINGX_PORT", "0"),
        ("STRINGX_PORT", "70000"),
        ("STRINGX_LANES", "-1"),
        ("STRINGX_LOG_FORMAT", "xml"),
        ("STRINGX_MAX_WAIT_SECONDS", "never"),
        ("STRINGX_PROT", "5001"),
        ("STRINGX_DATABASE_URL", "mysql://h/db"),
        ("STRINGX_DBT_PROJECT_DIR", "/nowhere"),
    ],
)
def test_a_bad_setting_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidConfiguration) as caught:
        load_settings()
    assert [problem.path for problem in caught.value.problems] == [name]


def test_every_bad_setting_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRINGX_PORT", "abc")
    monkeypatch.setenv("STRINGX_LANES", "none")
    with pytest.raises(InvalidConfiguration) as caught:
        load_settings()
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize("prefix", ["STRINGX_WAREHOUSE_", "STRINGX_DOCKER_"])
def test_what_warehouses_and_compose_refer_to_is_no_setting(
    monkeypatch: pytest.MonkeyPatch, prefix: str
) -> None:
    monkeypatch.setenv(f"{prefix}ANYTHING", "x")
    assert load_settings().port == 5001


def test_a_secret_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRINGX_DATABASE_URL", "postgresql://u:hunter2@h/db")
    settings = load_settings()
    assert "hunter2" not in repr(settings)
    assert settings.database_url is not None


def test_the_store_s_url_may_stand_in_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "url").write_text("postgresql://u:hunter2@h/db\n")
    monkeypatch.setenv("STRINGX_DATABASE_URL_FILE", str(tmp_path / "url"))
    url = load_settings().database_url
    assert url is not None
    assert url.get_secret_value() == "postgresql://u:hunter2@h/db"


@pytest.mark.parametrize("content", [None, "hunter2"])
def test_a_file_without_a_url_is_refused_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None
) -> None:
    if content is not None:
        (tmp_path / "url").write_text(content)
    monkeypatch.setenv("STRINGX_DATABASE_URL_FILE", str(tmp_path / "url"))
    with pytest.raises(InvalidConfiguration, match="STRINGX_DATABASE_URL") as caught:
        load_settings()
    assert "hunter2" not in str(caught.value)


def test_a_warehouse_can_not_refer_to_the_file_with_the_store_s_url(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "url").write_text("postgresql://u:hunter2@h/db")
    monkeypatch.setenv("STRINGX_SECRETS_DIR", str(tmp_path))
    monkeypatch.setenv("STRINGX_DATABASE_URL_FILE", str(tmp_path / "url"))
    with pytest.raises(InvalidConfiguration, match="may not lie in STRINGX_SECRETS_DIR"):
        load_settings()


@pytest.mark.parametrize(
    ("verdict", "status"),
    [
        (Verdict.PASS, 0),
        (Verdict.FAIL, 1),
        (Verdict.WARN, 2),
        (Verdict.ERROR, 3),
        (Verdict.NO_DATA, 4),
        (None, 3),
    ],
)
def test_each_verdict_has_its_exit_status(verdict: str | None, status: int) -> None:
    assert ExitCode.of(verdict) == status


def test_results_in_avro_need_a_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRINGX_KAFKA_RESULTS_FORMAT", "avro")
    with pytest.raises(InvalidConfiguration, match="STRINGX_KAFKA_REGISTRY_URL"):
        load_kafka_settings()
    monkeypatch.setenv("STRINGX_KAFKA_REGISTRY_URL", "http://localhost:1")
    assert load_kafka_settings().results_format == "avro"


def test_a_consumer_needs_brokers() -> None:
    with pytest.raises(
        InvalidConfiguration, match="STRINGX_KAFKA_BOOTSTRAP: must name the brokers"
    ):
        load_kafka_settings(needed=True)
