"""The manifests, as kustomize renders them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from gatekeeper.settings import ROOT, Settings

TOOLS = ROOT / ".tools"
KUBERNETES = ROOT / "deploy" / "kubernetes"
OVERLAYS = ("small", "production")
COMPONENT = "app.kubernetes.io/component"

Manifest = dict[str, Any]


class ToolMissing(Exception):
    """Something that the tests need isn't installed; the message says how it comes."""


def find_kustomize() -> str:
    """Give kustomize as `make deploy-tools` installs it, or the machine's own."""
    found = shutil.which("kustomize", path=str(TOOLS)) or shutil.which("kustomize")
    if found is None:
        raise ToolMissing("kustomize is missing: make deploy-tools (which takes Go)")
    return found


def render(folder: str | Path) -> list[Manifest]:
    """Render a folder of deploy/kubernetes, or one from elsewhere."""
    done = subprocess.run(
        [find_kustomize(), "build", str(KUBERNETES / folder)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def name_of(manifest: Manifest) -> str:
    """Give kind and name, for messages."""
    return f"{manifest['kind']}/{manifest['metadata']['name']}"


def named(manifests: list[Manifest], name: str) -> Manifest:
    """Give the manifest of a kind and name."""
    (found,) = [each for each in manifests if name_of(each) == name]
    return found


@dataclass(frozen=True)
class Pod:
    """The pods of one Deployment or Job, with what its containers are given."""

    manifest: Manifest
    settings: dict[str, Manifest]
    """The data of every ConfigMap, by its name."""

    @property
    def name(self) -> str:
        """Kind and name of what makes the pods."""
        return name_of(self.manifest)

    @property
    def component(self) -> str:
        """The role."""
        return str(self.labels[COMPONENT])

    @property
    def labels(self) -> dict[str, str]:
        """What selectors see."""
        found: dict[str, str] = self.manifest["spec"]["template"]["metadata"]["labels"]
        return found

    @property
    def spec(self) -> Manifest:
        """The pod's own specification."""
        found: Manifest = self.manifest["spec"]["template"]["spec"]
        return found

    @property
    def main(self) -> Manifest:
        """The container of the role."""
        (found,) = self.spec["containers"]
        return dict(found)

    @property
    def containers(self) -> list[Manifest]:
        """The role's container, and what runs before it."""
        return [*self.spec.get("initContainers", []), *self.spec["containers"]]

    def variables(self, container: Manifest) -> Iterator[tuple[str, str | None]]:
        """Give every variable with its value; None where a Secret has it."""
        for source in container.get("envFrom", []):
            yield from self.settings[source["configMapRef"]["name"]].items()
        for variable in container.get("env", []):
            reference = variable.get("valueFrom", {}).get("configMapKeyRef")
            if reference is None:
                yield variable["name"], variable.get("value")
            else:
                yield variable["name"], self.settings[reference["name"]][reference["key"]]

    @property
    def drain_seconds(self) -> float:
        """How long the role goes on with what it has when it is asked to stop."""
        given = dict(self.variables(self.main)).get("STRINGX_DRAIN_SECONDS")
        return float(given or Settings.model_fields["drain_seconds"].default)


def find_pods(manifests: list[Manifest]) -> list[Pod]:
    """Give whatever makes pods."""
    settings = {
        each["metadata"]["name"]: each["data"] for each in manifests if each["kind"] == "ConfigMap"
    }
    return [Pod(each, settings) for each in manifests if each["kind"] in {"Deployment", "Job"}]


def selects(selector: Manifest, labels: dict[str, str]) -> bool:
    """Whether a label selector matches."""
    operators = {"In": True, "NotIn": False}
    return all(
        labels.get(key) == value for key, value in selector.get("matchLabels", {}).items()
    ) and all(
        (labels.get(each["key"]) in each["values"]) is operators[each["operator"]]
        for each in selector.get("matchExpressions", [])
    )
