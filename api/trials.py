"""Trials: what a rule that isn't saved would find, what changed rules would have closed."""

from __future__ import annotations

from uuid import UUID

from apiflask import APIBlueprint
from flask import url_for

from api.backend import backend
from api.bodies import BacktestBody, GateQuery, TryBody
from api.views.backtests import BacktestView
from api.views.runs import RunView
from api.waiting import Answer, answer_with
from gatekeeper import flow
from gatekeeper.configuration.propose import propose_rule, propose_rules
from gatekeeper.domain.run import Request, RequestId, Trigger
from gatekeeper.store.runs import load_backtest

trials = APIBlueprint("trials", __name__, url_prefix="/api/v1", tag="trials")


@trials.post("/gates/<table:table>/rules/try")
@trials.input(GateQuery, location="query", arg_name="query")
@trials.input(TryBody, arg_name="body")
@trials.output(RunView, status_code=202)
@trials.doc(operation_id="tryRule", summary="Try a rule that isn't saved")
def try_rule(table: str, query: GateQuery, body: TryBody) -> Answer:
    """Run the rule on the real table, whatever the gate's own rules and mode.

    It is saved nowhere: neither the gate's rules nor its latest verdict change. Answers as a
    trigger does: 200 when the run is finished, 202 and where to look while it isn't;
    `Prefer: wait=30` waits. What was found is in the run's results.
    """
    rule_set = propose_rule(body.rule, backend().rule_types, "rule")
    request = Request(
        table=table,
        warehouse=query.warehouse,
        batch=body.batch.batch() if body.batch else None,
        correlation_id=body.correlation_id,
        trigger=Trigger.HTTP,
    )
    return answer_with(flow.receive_try(backend().store, backend().queue, request, rule_set))


@trials.post("/gates/<table:table>/backtest")
@trials.input(GateQuery, location="query", arg_name="query")
@trials.input(BacktestBody, arg_name="body")
@trials.output(BacktestView, status_code=202)
@trials.doc(
    operation_id="startBacktest",
    summary="Judge the last batches again, by changed rules",
    responses={409: "The gate has judged nothing yet, or has no rules"},
)
def start_backtest(
    table: str, query: GateQuery, body: BacktestBody
) -> tuple[BacktestView, int, dict[str, str]]:
    """Judge each of the last batches again that the gate has judged.

    `rules` are all that the gate would have; its present ones where they are left out. Location
    says where to look. The table is read as it is today, not as it was when the batch was judged.
    """
    rule_types = backend().rule_types
    rule_set = None if body.rules is None else propose_rules(body.rules, rule_types, "rules")
    request = Request(table=table, warehouse=query.warehouse, trigger=Trigger.HTTP)
    backtest = flow.receive_backtest(
        backend().store, backend().queue, request, rule_set, body.batches
    )
    headers = {"Location": url_for("trials.get_backtest", backtest_id=backtest.id)}
    return BacktestView.of(backtest), 202, headers


@trials.get("/backtests/<uuid:backtest_id>")
@trials.output(BacktestView)
@trials.doc(operation_id="getBacktest", summary="Get what has come of a backtest")
def get_backtest(backtest_id: UUID) -> BacktestView:
    """Give each batch with what is made of it now and what was made of it then.

    `summary` says it in a sentence; so far, while some batches wait.
    """
    with backend().store.transaction() as tx:
        return BacktestView.of(load_backtest(tx, RequestId(backtest_id)))
