"""Gates and the catalogue of rule types, to look at."""

from __future__ import annotations

from dataclasses import asdict

import structlog
from apiflask import APIBlueprint
from werkzeug.routing import BaseConverter

from api.backend import backend
from api.bodies import GateQuery
from api.views.config import ChangeView
from api.views.gates import (
    ColumnsView,
    GateList,
    GateSummary,
    GateView,
    GatheredView,
    LookView,
    RuleSetList,
    RuleSetView,
    RuleTypeList,
    RuleTypeView,
    WatchStateView,
)
from api.views.runs import RunView
from gatekeeper.configuration.history import compare_rule_sets
from gatekeeper.domain.errors import NoVerdictYet
from gatekeeper.store.changes import load_gathered
from gatekeeper.store.gates import find_gate, load_gates, load_rule_sets
from gatekeeper.store.looks import load_look
from gatekeeper.store.memory import forget_columns, forget_watermark, load_columns
from gatekeeper.store.runs import load_latest_verdict
from gatekeeper.store.schedules import load_due_time

log = structlog.get_logger(__name__)


class TableConverter(BaseConverter):
    """A table in a path: `schema.table`, without what no name can hold."""

    regex = r"[^/.\x00]+\.[^/.\x00]+"


gates = APIBlueprint("gates", __name__, url_prefix="/api/v1", tag="gates")


@gates.get("/gates")
@gates.output(GateList)
@gates.doc(operation_id="listGates", summary="List the gates")
def list_gates() -> GateList:
    """Every gate, by warehouse and table."""
    with backend().store.transaction() as tx:
        return GateList(items=[GateSummary.of(gate) for gate in load_gates(tx)])


@gates.get("/gates/<table:table>")
@gates.input(GateQuery, location="query", arg_name="query")
@gates.output(GateView)
@gates.doc(operation_id="getGate", summary="Get a gate with its rules")
def get_gate(table: str, query: GateQuery) -> GateView:
    """`table` is `schema.table`."""
    with backend().store.transaction() as tx:
        return GateView.of(find_gate(tx, table, query.warehouse))


@gates.get("/gates/<table:table>/verdict")
@gates.input(GateQuery, location="query", arg_name="query")
@gates.output(RunView)
@gates.doc(operation_id="getVerdict", summary="Get a gate's latest verdict")
def get_verdict(table: str, query: GateQuery) -> RunView:
    """The run of the gate that judged last; a trial never is."""
    with backend().store.transaction() as tx:
        gate = find_gate(tx, table, query.warehouse)
        run = load_latest_verdict(tx, gate.id)
    if run is None:
        raise NoVerdictYet(gate.table)
    return RunView.of(run)


@gates.get("/gates/<table:table>/rule-sets")
@gates.input(GateQuery, location="query", arg_name="query")
@gates.output(RuleSetList)
@gates.doc(operation_id="listRuleSets", summary="List the rule sets that a gate has had")
def list_rule_sets(table: str, query: GateQuery) -> RuleSetList:
    """The newest first, each with what it changed."""
    with backend().store.transaction() as tx:
        gate = find_gate(tx, table, query.warehouse)
        stored = load_rule_sets(tx, gate.id)
    return RuleSetList(
        items=[
            RuleSetView(
                hash=each.rule_set.hash,
                author=each.author,
                created_at=each.created_at,
                current=each.rule_set.hash == gate.rule_set.hash,
                rule_count=len(each.rule_set.rules),
                changes=[ChangeView.of(change) for change in changes],
            )
            for each, changes in compare_rule_sets(stored, backend().rule_types)
        ]
    )


@gates.get("/gates/<table:table>/columns")
@gates.input(GateQuery, location="query", arg_name="query")
@gates.output(ColumnsView)
@gates.doc(operation_id="getColumns", summary="Get the columns that a gate goes by")
def get_columns(table: str, query: GateQuery) -> ColumnsView:
    """A rule that names a column which has changed since isn't judged."""
    with backend().store.transaction() as tx:
        gate = find_gate(tx, table, query.warehouse)
        columns = load_columns(tx, gate.id, gate.rule_set.hash)
    return ColumnsView(rule_set=gate.rule_set.hash, columns=columns or {})


@gates.delete("/gates/<table:table>/columns")
@gates.input(GateQuery, location="query", arg_name="query")
@gates.output({}, status_code=204)
@gates.doc(operation_id="forgetColumns", summary="Let a gate take its table as it finds it next")
def forget_gate_columns(table: str, query: GateQuery) -> str:
    """The remedy after a change of the table that was meant."""
    with backend().store.transaction() as tx:
        gate = find_gate(tx, table, query.warehouse)
        forget_columns(tx, gate.id, gate.rule_set.hash)
    log.info("columns forgotten", action="columns_forgotten", gate=gate.table)
    return ""


@gates.delete("/gates/<table:table>/watermark")
@gates.input(GateQuery, location="query", arg_name="query")
@gates.output({}, status_code=204)
@gates.doc(operation_id="forgetWatermark", summary="Let an incremental gate begin anew")
def forget_gate_watermark(table: str, query: GateQuery) -> str:
    """The next run without a batch judges the whole table."""
    with backend().store.transaction() as tx:
        gate = find_gate(tx, table, query.warehouse)
        forget_watermark(tx, gate.id)
    log.info("watermark forgotten", action="watermark_forgotten", gate=gate.table)
    return ""


@gates.get("/gates/<table:table>/watch")
@gates.input(GateQuery, location="query", arg_name="query")
@gates.output(WatchStateView)
@gates.doc(operation_id="getWatch", summary="Get what a gate knows of its table's changes")
def get_watch(table: str, query: GateQuery) -> WatchStateView:
    """How far a gate that asks by itself has come, and when it goes on."""
    with backend().store.transaction() as tx:
        gate = find_gate(tx, table, query.warehouse)
        look, gathered = load_look(tx, gate.id), load_gathered(tx, gate.id)
        scheduled_at = load_due_time(tx, gate.id)
    return WatchStateView(
        look=LookView(**asdict(look)) if look else None,
        gathered=GatheredView.of(gathered) if gathered else None,
        scheduled_at=scheduled_at,
    )


@gates.get("/rule-types")
@gates.output(RuleTypeList)
@gates.doc(operation_id="listRuleTypes", summary="List the rule types")
def list_rule_types() -> RuleTypeList:
    """The catalogue, each type with the JSON Schema of its parameters."""
    return RuleTypeList(items=[RuleTypeView.of(each) for each in backend().rule_types.values()])
