"""Airflow's way to name a table: the URI of a dataset, `postgresql://host:5432/db/schema/table`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import Field

from gatekeeper.configuration.document import Strict, Text, storable
from gatekeeper.contracts.problems import validate
from gatekeeper.contracts.trigger import (
    BatchBody,
    CallbackUrl,
    CorrelationId,
    RuleNames,
    name_rules,
)
from gatekeeper.domain.errors import InvalidRequest
from gatekeeper.kafka.wire.record import Trigger, WarehouseAddress
from gatekeeper.kafka.wire.trigger import RequestId

_FORM = "must be postgresql://host:port/database/schema/table"
_SCHEMES = ("postgres", "postgresql")
_DEFAULT_PORT = 5432
_PARTS = 3


class DatasetMessage(Strict):
    """The question about a table that is named by where it is: the port is 5432 unless it stands
    there, the three names may have dots between them, and the warehouse is the stored one there.
    """

    dataset: Annotated[
        Text,
        Field(max_length=2000, examples=["postgresql://db.example:5432/flights/flights/planes"]),
    ]
    batch: BatchBody | None = None
    rules: RuleNames | None = None
    request_id: RequestId | None = None
    correlation_id: CorrelationId | None = None
    callback_url: CallbackUrl | None = None


def is_dataset(content: Mapping[str, Any]) -> bool:
    """Whether it names its table so."""
    return "dataset" in content


def read_dataset(content: Mapping[str, Any]) -> Trigger:
    """Read this form; raises InvalidRequest."""
    message = validate(DatasetMessage, content)
    uri = _split(message.dataset)
    database, schema, table = _names(uri)
    host, port = _place(uri)
    return Trigger(
        table=f"{schema}.{table}",
        warehouse=WarehouseAddress(host, port, database),
        batch=message.batch.batch() if message.batch else None,
        request_id=message.request_id,
        rules=name_rules(message.rules),
        correlation_id=message.correlation_id,
        callback_url=message.callback_url,
    )


def _split(text: str) -> SplitResult:
    try:
        uri = urlsplit(text)
    except ValueError:
        raise InvalidRequest("dataset", _FORM) from None
    if uri.scheme not in _SCHEMES or uri.query or uri.fragment:
        raise InvalidRequest("dataset", _FORM)
    if "@" in uri.netloc:
        raise InvalidRequest("dataset", "leave user and password out; the warehouse has its own")
    return uri


def _names(uri: SplitResult) -> list[str]:
    path = uri.path.removeprefix("/")
    names = [unquote(name) for name in path.split("/" if "/" in path else ".")]
    if len(names) != _PARTS or not all(names) or any("." in name for name in names[1:]):
        raise InvalidRequest("dataset", _FORM)
    try:
        return [storable(name) for name in names]
    except ValueError as error:
        raise InvalidRequest("dataset", str(error)) from None


def _place(uri: SplitResult) -> tuple[str, int]:
    try:
        port = uri.port or _DEFAULT_PORT
    except ValueError:
        raise InvalidRequest("dataset", "the port must be a number up to 65535") from None
    if not uri.hostname:
        raise InvalidRequest("dataset", _FORM)
    return uri.hostname, port
