"""What the portal, dbt's own docs, shows of StringX's dbt project."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
import requests

from gatekeeper.domain.rule import RuleType
from gatekeeper.settings import ROOT
from runner.portal import Portal, PortalFailed, write_portal


def test_the_portal_has_a_line_for_each_rule_type(
    tmp_path: Path, rule_types: dict[str, RuleType]
) -> None:
    folder = write_portal(ROOT / "stringx", tmp_path)
    manifest = json.loads((tmp_path / "target" / "manifest.json").read_text())
    portal = (folder / "index.html").read_text()
    for name, rule_type in rule_types.items():
        told = manifest["macros"][f"macro.stringx.test_sx_{name}"]["description"]
        assert rule_type.description.strip() in told
        assert json.dumps(told)[1:-1] in portal


def test_the_portal_is_served_and_can_not_be_changed(tmp_path: Path) -> None:
    (tmp_path / "portal").mkdir()
    (tmp_path / "portal" / "index.html").write_text("the docs")
    (tmp_path / "secret").write_text("not of the docs")
    beaten = threading.Event()
    with Portal(("127.0.0.1", 0), tmp_path / "portal", beaten.set) as portal:
        threading.Thread(target=portal.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{portal.server_port}"
        assert requests.get(url, timeout=5).text == "the docs"
        assert requests.get(f"{url}/%2e%2e/secret", timeout=5).status_code == 404
        assert requests.put(f"{url}/index.html", data="x", timeout=5).status_code == 501
        portal.shutdown()
    assert beaten.is_set()


def test_what_dbt_says_of_a_project_that_it_can_not_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "dbt_project.yml").write_text("name: [")
    with pytest.raises(
        PortalFailed, match=r"(?s)\A[^\n]+\n[\d:]+  Encountered an error:.+name: \["
    ):
        write_portal(tmp_path, tmp_path)
