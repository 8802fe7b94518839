"""The fleet, to look at."""

from __future__ import annotations

from apiflask import APIBlueprint

from api.backend import backend
from api.views.runners import RunnerList, RunnerView
from gatekeeper.store.runners import load_runners

runners = APIBlueprint("runners", __name__, url_prefix="/api/v1", tag="runners")


@runners.get("/runners")
@runners.output(RunnerList)
@runners.doc(operation_id="listRunners", summary="List the runners")
def list_runners() -> RunnerList:
    """Those that were not heard of for 15 seconds are lost; after a day they are forgotten."""
    with backend().store.transaction() as tx:
        return RunnerList(items=[RunnerView.of(each) for each in load_runners(tx)])
