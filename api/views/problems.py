"""Errors (RFC 9457)."""

from __future__ import annotations

from pydantic import Field

from api.views import View


class FieldProblem(View):
    """One thing wrong with a request: where, and what."""

    path: str
    reason: str


class ProblemView(View):
    """An error (RFC 9457). `code` is for programs, `detail` for people."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    instance: str
    errors: list[FieldProblem] = Field(default_factory=list)
