"""One API server, which knows KEDA's kinds and has our namespaces."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.deploy.manifests import TOOLS
from tests.kubernetes.api_server import Kubectl, running_api_server


@pytest.fixture(scope="session")
def kubectl(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubectl]:
    with running_api_server(tmp_path_factory.mktemp("kubernetes")) as kubectl:
        definitions = [f"--filename={file}" for file in sorted(TOOLS.glob("*.yaml"))]
        kubectl.run("apply", "--server-side", *definitions)
        kubectl.run("wait", "--for=condition=established", "--timeout=60s", "crd", "--all")
        yield kubectl
