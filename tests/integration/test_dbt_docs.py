"""What dbt's own docs portal shows of StringX's dbt project."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from gatekeeper.domain.rule import RuleType
from gatekeeper.settings import ROOT

PROFILE = """
stringx:
  target: any
  outputs:
    any: {type: postgres, host: nowhere, port: 5432, user: a, password: a, dbname: a, schema: a}
"""


def test_the_portal_has_a_line_for_each_rule_type(
    tmp_path: Path, rule_types: dict[str, RuleType]
) -> None:
    (tmp_path / "profiles.yml").write_text(PROFILE)
    places = {
        "project-dir": ROOT / "stringx",
        "profiles-dir": tmp_path,
        "target-path": tmp_path / "target",
        "log-path": tmp_path / "logs",
    }
    flags = [f"--{name}={place}" for name, place in places.items()]
    flags += ["--no-send-anonymous-usage-stats", "--no-partial-parse", "--no-version-check"]
    docs = ["docs", "generate", "--no-compile", "--empty-catalog", "--static"]
    for verb in (["parse"], docs):
        subprocess.run(
            [sys.executable, "-m", "dbt.cli.main", *verb, *flags],
            env={**os.environ, "HOME": str(tmp_path)},
            check=True,
            capture_output=True,
            timeout=120,
        )
    manifest = json.loads((tmp_path / "target" / "manifest.json").read_text())
    portal = (tmp_path / "target" / "static_index.html").read_text()
    for name, rule_type in rule_types.items():
        told = manifest["macros"][f"macro.stringx.test_sx_{name}"]["description"]
        assert rule_type.description.strip() in told
        assert json.dumps(told)[1:-1] in portal
