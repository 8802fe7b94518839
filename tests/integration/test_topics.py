"""The verb that makes topics: each once, those that are there are left as they are."""

from __future__ import annotations

import uuid

import pytest
from click.testing import CliRunner

from app import cli
from standalone.kafka import open_admin


def test_topics_that_are_missing_are_made(kafka: str, monkeypatch: pytest.MonkeyPatch) -> None:
    prefix = uuid.uuid4().hex[:8]
    named = {name: f"{prefix}.{name.lower()}" for name in ("TRIGGERS", "RESULTS", "DEAD_LETTERS")}
    monkeypatch.setenv("STRINGX_KAFKA_BOOTSTRAP", kafka)
    for name, topic in named.items():
        monkeypatch.setenv(f"STRINGX_KAFKA_{name}_TOPIC", topic)
    said = CliRunner().invoke(cli, ["topics"], catch_exceptions=False).output
    assert said.split() == sorted(named.values())
    assert CliRunner().invoke(cli, ["topics"], catch_exceptions=False).output == ""
    with open_admin(kafka) as admin:
        assert set(named.values()) <= set(admin.list_topics())
