"""A schema registry over HTTP. What it said of a schema holds for ever, so it is asked once."""

from __future__ import annotations

from typing import Any, TypeVar
from urllib.parse import quote

import fastavro
import requests
from fastavro.types import Schema

from gatekeeper.contracts.result import ResultMessage
from gatekeeper.domain.errors import InvalidRequest, SchemaRegistryUnavailable
from gatekeeper.kafka.wire.avro import decode, encode, parse_schema, schema_id
from gatekeeper.kafka.wire.result_avro import RESULT_SCHEMA, RESULT_SCHEMA_TEXT, avro_content

T = TypeVar("T")

# The registry's words for a subject, a version or a schema that it doesn't have.
_UNKNOWN = (40401, 40402, 40403)
_MEDIA_TYPE = "application/vnd.schemaregistry.v1+json"


class Registry:
    """The registry at a URL, which may hold user and password. Every call may raise
    SchemaRegistryUnavailable.
    """

    def __init__(self, url: str, timeout_seconds: float = 5.0) -> None:
        self._url = url.rstrip("/")
        self._timeout_seconds = timeout_seconds
        self._schemas: dict[int, Schema] = {}
        self._result_ids: dict[str, int] = {}
        self._result_schema = fastavro.parse_schema(RESULT_SCHEMA)

    def decode(self, value: bytes) -> Any:
        """Give the content of a framed value; raises InvalidRequest."""
        return decode(value, self._schema(schema_id(value)))

    def encode_result(self, topic: str, result: ResultMessage) -> bytes:
        """Write a result for the topic, whose schema is registered with the first."""
        if topic not in self._result_ids:
            self._result_ids[topic] = self._result_id(f"{topic}-value")
        return encode(self._result_ids[topic], self._result_schema, avro_content(result))

    def _schema(self, number: int) -> Schema:
        if number not in self._schemas:
            answer = self._ask("GET", f"/schemas/ids/{number}")
            if answer is None:
                raise InvalidRequest("body", f"the registry has no schema {number}")
            if answer.get("schemaType", "AVRO") != "AVRO":
                raise InvalidRequest("body", f"the schema {number} isn't Avro")
            self._schemas[number] = parse_schema(_field(answer, "schema", str))
        return self._schemas[number]

    def _result_id(self, subject: str) -> int:
        """Look the schema up, and register it only where it isn't: that may need more rights."""
        path = f"/subjects/{quote(subject, safe='')}"
        body = {"schema": RESULT_SCHEMA_TEXT}
        answer = self._ask("POST", path, body) or self._ask("POST", f"{path}/versions", body)
        if answer is None:
            raise SchemaRegistryUnavailable(f"it doesn't take the subject {subject}")
        return _field(answer, "id", int)

    def _ask(
        self, method: str, path: str, body: dict[str, str] | None = None
    ) -> dict[str, Any] | None:
        """Give the answer, None where there is no such thing. What it raises never holds the URL,
        which may have a password in it.
        """
        try:
            answer = requests.request(
                method,
                self._url + path,
                json=body,
                headers={"Accept": f"{_MEDIA_TYPE}, application/json"},
                timeout=self._timeout_seconds,
            )
            content = answer.json()
        except requests.RequestException as error:
            raise SchemaRegistryUnavailable(f"{method} {path}: {type(error).__name__}") from None
        if not isinstance(content, dict) or not (answer.ok or _is_unknown(content)):
            raise SchemaRegistryUnavailable(f"{method} {path}: it answered {answer.status_code}")
        return content if answer.ok else None


def _is_unknown(answer: dict[str, Any]) -> bool:
    """Whether the registry itself says so, and not something else at a wrong URL."""
    return answer.get("error_code") in _UNKNOWN


def _field(answer: dict[str, Any], name: str, kind: type[T]) -> T:
    value = answer.get(name)
    if not isinstance(value, kind):
        raise SchemaRegistryUnavailable(f"its answer has no {name}")
    return value
