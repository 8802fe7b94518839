"""The whole catalogue: StringX's own rule types, and beside them those that are trusted code."""

from __future__ import annotations

from pathlib import Path

import structlog

from gatekeeper.catalogue.rule_types import load_rule_types
from gatekeeper.catalogue.trusted import find_trusted_types
from gatekeeper.domain.rule import RuleType

log = structlog.get_logger(__name__)

# In one dbt project no two macros may have the same name, and those of StringX begin like this.
RESERVED_PREFIX = "sx_"


def load_catalogue(project: Path) -> dict[str, RuleType]:
    """Read every rule type of a dbt project. Where two have a name, the first one stays: ours."""
    catalogue = load_rule_types(project / "rule_types")
    for found in find_trusted_types(project):
        if found.name in catalogue or found.name.startswith(RESERVED_PREFIX):
            log.warning("a dbt test's name is taken", action="name_taken", rule_type=found.name)
        else:
            catalogue[found.name] = found
    return catalogue
