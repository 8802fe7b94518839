"""Every error as problem details (RFC 9457): the domain's, Flask's, and the unforeseen."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import structlog
from apiflask import APIFlask, HTTPError
from flask import request
from werkzeug.datastructures import Headers

from api.views.problems import FieldProblem, ProblemView
from gatekeeper.contracts.problems import build_problem
from gatekeeper.domain.errors import (
    GateHasNoRules,
    GatekeeperError,
    IdempotencyConflict,
    InvalidConfiguration,
    InvalidRequest,
    NothingToBacktest,
    NoVerdictYet,
    Problem,
    StoreUnavailable,
    UnknownBacktest,
    UnknownGate,
    UnknownRun,
)

log = structlog.get_logger(__name__)

Answer = tuple[dict[str, Any], int, dict[str, str]]

PROBLEM_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = "5"

# An error that isn't listed is a defect: 500.
STATUS: dict[type[GatekeeperError], tuple[HTTPStatus, str]] = {
    InvalidRequest: (HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_request"),
    InvalidConfiguration: (HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_configuration"),
    UnknownGate: (HTTPStatus.NOT_FOUND, "unknown_gate"),
    NoVerdictYet: (HTTPStatus.NOT_FOUND, "no_verdict_yet"),
    UnknownRun: (HTTPStatus.NOT_FOUND, "unknown_run"),
    UnknownBacktest: (HTTPStatus.NOT_FOUND, "unknown_backtest"),
    NothingToBacktest: (HTTPStatus.CONFLICT, "nothing_to_backtest"),
    GateHasNoRules: (HTTPStatus.CONFLICT, "gate_has_no_rules"),
    IdempotencyConflict: (HTTPStatus.CONFLICT, "idempotency_conflict"),
    StoreUnavailable: (HTTPStatus.SERVICE_UNAVAILABLE, "store_unavailable"),
}


def register_errors(app: APIFlask) -> None:
    """Make every error of the app a problem."""
    app.error_processor(_http_error)
    app.register_error_handler(GatekeeperError, _gatekeeper_error)
    app.register_error_handler(RecursionError, _too_deep)
    app.register_error_handler(Exception, _unforeseen)


def _gatekeeper_error(error: GatekeeperError) -> Answer:
    known = (STATUS[each] for each in type(error).__mro__ if each in STATUS)
    status, code = next(known, (HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error"))
    problems = []
    if isinstance(error, InvalidRequest):
        problems = [FieldProblem(path=error.field, reason=error.reason)]
    if isinstance(error, InvalidConfiguration):
        problems = [_field_problem(each) for each in error.problems]
    retry = {"Retry-After": RETRY_AFTER_SECONDS} if isinstance(error, StoreUnavailable) else {}
    return _problem(status, code, str(error), problems, retry)


def _http_error(error: HTTPError) -> Answer:
    status = HTTPStatus(error.status_code)
    problems = _field_problems(error.detail)
    detail = error.message or status.phrase
    if problems:
        detail = "; ".join(f"{problem.path}: {problem.reason}" for problem in problems)
    code = "invalid_request" if problems else status.phrase.lower().replace(" ", "_")
    headers = {name: str(value) for name, value in Headers(error.headers).items()}
    return _problem(status, code, detail, problems, headers)


def _field_problems(detail: Any) -> list[FieldProblem]:
    """Read what APIFlask gives: the problems' texts by field, by place (body, query)."""
    if not isinstance(detail, dict):
        return []
    return [
        _field_problem(build_problem("" if field == "_schema" else field, reason))
        for fields in detail.values()
        for field, reasons in fields.items()
        for reason in reasons
    ]


def _field_problem(problem: Problem) -> FieldProblem:
    return FieldProblem(path=problem.path, reason=problem.reason)


def _too_deep(_: RecursionError) -> Answer:
    return _gatekeeper_error(InvalidRequest("body", "nested too deeply"))


def _unforeseen(error: Exception) -> Answer:
    log.error("request failed", action="request_failed", path=request.path, exc_info=error)
    detail = "something unforeseen went wrong; the log of the service says more"
    return _problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", detail, [], {})


def _problem(
    status: HTTPStatus,
    code: str,
    detail: str,
    problems: list[FieldProblem],
    headers: dict[str, str],
) -> Answer:
    body = ProblemView(
        type=f"urn:stringx:problem:{code}",
        title=status.phrase,
        status=status,
        detail=detail,
        code=code,
        instance=request.path,
        errors=problems,
    )
    return body.model_dump(mode="json"), status, {**headers, "Content-Type": PROBLEM_TYPE}
