"""Liveness and readiness."""

from __future__ import annotations

from apiflask import APIBlueprint

from api.backend import backend
from api.views.health import HealthView
from gatekeeper.domain.errors import StoreUnavailable
from gatekeeper.store.migrations import pending_migration

health = APIBlueprint("health", __name__, tag="health")


@health.get("/healthz")
@health.output(HealthView)
@health.doc(operation_id="getHealth", summary="Whether this process lives")
def get_health() -> HealthView:
    """Looks at nothing else, so that a store that is away doesn't get web restarted."""
    return HealthView(ok=True, checks={})


@health.get("/readyz")
@health.output(HealthView)
@health.doc(
    operation_id="getReadiness",
    summary="Whether requests can be served",
    responses={503: "The store can't be reached, or its schema isn't the one this version needs"},
)
def get_readiness() -> tuple[HealthView, int]:
    """Ready when the store answers and its schema is the one this version needs."""
    try:
        with backend().store.transaction() as tx:
            pending = pending_migration(tx)
    except StoreUnavailable as error:
        return HealthView(ok=False, checks={"store": str(error)}), 503
    checks = {"store": "ok", "schema": pending or "ok"}
    return HealthView(ok=pending is None, checks=checks), 200 if pending is None else 503
