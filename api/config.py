"""The configuration as YAML: export it, rehearse a change, apply it."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import Response, request

from api.backend import backend
from api.bodies import ApplyQuery
from api.views.config import AppliedView, ChangeView
from gatekeeper.configuration.apply import Manner, apply_configuration
from gatekeeper.configuration.export import load_document
from gatekeeper.configuration.text import render_document

config = APIBlueprint("config", __name__, url_prefix="/api/v1/config", tag="config")

YAML = "application/yaml"
AUTHOR = "api"


@config.get("")
@config.doc(
    operation_id="exportConfig",
    summary="Export every warehouse, template, gate and rule as YAML",
    responses={200: "The configuration"},
)
def export_config() -> Response:
    """What is exported can be applied again, and then changes nothing."""
    with backend().store.transaction() as tx:
        document = load_document(tx, backend().rule_types)
    return Response(render_document(document), content_type=YAML)


@config.put("")
@config.input(ApplyQuery, location="query", arg_name="query")
@config.output(AppliedView)
@config.doc(
    operation_id="applyConfig", summary="Apply a YAML configuration, or say what it would change"
)
def apply_config(query: ApplyQuery) -> AppliedView:
    """All of it or nothing. `dry_run=true` only says what would change; `absent` says what becomes
    of the stored things that the file doesn't name.
    """
    manner = Manner(absent=query.absent, author=AUTHOR, dry_run=query.dry_run)
    text = request.get_data(as_text=True)
    changes = apply_configuration(backend().store, backend().rule_types, text, manner)
    return AppliedView(
        applied=not query.dry_run, changes=[ChangeView.of(change) for change in changes]
    )
