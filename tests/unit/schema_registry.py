"""A small schema registry: what StringX asks of one, in the words of Confluent's."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote


class StandIn:
    """Its schemas by id, its subjects, and what it was asked. `broken` is answered in place of an
    answer, `may_register` says whether it takes new schemas.
    """

    def __init__(self) -> None:
        self.url = ""
        self.schemas: dict[int, dict[str, str]] = {}
        self.subjects: dict[str, int] = {}
        self.asked: list[str] = []
        self.authorization: str | None = None
        self.broken: tuple[int, bytes] | None = None
        self.may_register = True

    def add(self, schema: Any, **more: str) -> int:
        number = len(self.schemas) + 1
        self.schemas[number] = {"schema": json.dumps(schema), **more}
        return number

    def answer(self, method: str, path: str, body: dict[str, str]) -> tuple[int, dict[str, Any]]:
        match method, *path.strip("/").split("/"):
            case "GET", "schemas", "ids", number:
                found = self.schemas.get(int(number))
                return (200, dict(found)) if found else (404, {"error_code": 40403})
            case "POST", "subjects", subject:
                known = self.subjects.get(unquote(subject))
                return (200, {"id": known}) if known else (404, {"error_code": 40401})
            case "POST", "subjects", subject, "versions" if self.may_register:
                self.subjects[unquote(subject)] = self.add(json.loads(body["schema"]))
                return 200, {"id": self.subjects[unquote(subject)]}
        return 403, {"error_code": 40301}


@contextmanager
def running_registry() -> Iterator[StandIn]:
    registry = StandIn()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = json.loads(self.rfile.read(length) or b"{}")
            registry.asked.append(f"{self.command} {self.path}")
            registry.authorization = self.headers["Authorization"]
            status, content = registry.broken or self._found(body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def _found(self, body: dict[str, str]) -> tuple[int, bytes]:
            status, answer = registry.answer(self.command, self.path, body)
            return status, json.dumps(answer).encode()

        def log_message(self, *_: object) -> None:
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    registry.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield registry
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
