"""The way out: a run becomes the record that tells its verdict."""

from __future__ import annotations

from collections.abc import Callable

from gatekeeper.contracts.result import ResultMessage, build_result, encode_json
from gatekeeper.domain.run import Run


def render_result(
    run: Run,
    asked: str | None = None,
    encode: Callable[[ResultMessage], bytes] = encode_json,
) -> tuple[bytes, bytes, list[tuple[str, bytes]]]:
    """Give key, value and headers of the run's result; `asked` is what its asker called the
    request.
    """
    result = build_result(run, asked)
    return run.table.encode(), encode(result), _headers(result)


def _headers(result: ResultMessage) -> list[tuple[str, bytes]]:
    """Give what a consumer filters by. Of a part of the rules there is no verdict among it: whoever
    knows no parts must not take one for the gate's.
    """
    partial = result.rules is not None
    told = {
        "state": result.state,
        "partial": "true" if partial else None,
        "verdict": None if partial else result.verdict,
        "open": None if result.open is None else str(result.open).lower(),
        "request_id": result.request_id,
        "correlation_id": result.correlation_id,
        "message_id": result.message_id,
    }
    return [(name, value.encode()) for name, value in told.items() if value is not None]
