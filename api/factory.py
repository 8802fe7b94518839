"""Building the Flask app."""

from __future__ import annotations

from typing import Any, cast
from uuid import uuid4

import structlog
from apiflask import APIFlask
from flask import Response, g, request
from flask.json.provider import DefaultJSONProvider

from api.backend import Backend
from api.config import config
from api.errors import register_errors
from api.gates import TableConverter, gates
from api.guard import turn_away
from api.health import health
from api.openapi import complete_spec
from api.runners import runners
from api.runs import runs
from api.trials import trials
from gatekeeper.contracts.json_text import MAX_BODY_BYTES, parse_json
from gatekeeper.settings import VERSION

LOOPBACK_NAMES = ["127.0.0.1", "localhost"]


class Json(DefaultJSONProvider):
    """Reads what every way in reads, and refuses it in the same words; keeps the order of names."""

    sort_keys = False

    def loads(self, s: str | bytes, **_: Any) -> Any:
        """Read JSON; raises InvalidRequest."""
        return parse_json(s)


def create_app(backend: Backend | None, host: str = "") -> APIFlask:
    """Build the API around a backend; without one it can only describe itself.

    An API that listens on this machine only answers to this machine's names only: a page whose
    name was made to lead here is not answered.
    """
    app = APIFlask("stringx", title="StringX", version=VERSION, docs_path=None)
    app.config.update(
        MAX_CONTENT_LENGTH=MAX_BODY_BYTES,
        DESCRIPTION="A quality gate for tables.",
        SYNC_LOCAL_SPEC=False,
        TRUSTED_HOSTS=LOOPBACK_NAMES if host in LOOPBACK_NAMES else None,
    )
    app.json = Json(app)
    app.extensions["stringx"] = backend
    register_errors(app)
    app.url_map.converters["table"] = TableConverter
    for blueprint in (runs, gates, trials, config, runners, health):
        app.register_blueprint(blueprint)
    app.spec_processor(complete_spec)  # type: ignore[arg-type]  # the spec is JSON, not YAML
    app.before_request(_begin)
    app.before_request(turn_away)
    app.after_request(_end)
    return app


def _begin() -> None:
    structlog.contextvars.clear_contextvars()
    g.http_request = request.headers.get("X-Request-Id", "")[:64] or uuid4().hex
    structlog.contextvars.bind_contextvars(http_request=g.http_request)


def _end(response: Response) -> Response:
    response.headers["X-Request-Id"] = g.http_request
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-store"
    return response


def build_spec() -> dict[str, Any]:
    """The OpenAPI document, as /openapi.json serves it."""
    return cast("dict[str, Any]", create_app(None).spec)
