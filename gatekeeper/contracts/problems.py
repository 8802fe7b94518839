"""What is wrong with what was sent, in the same words whichever way it came."""

from __future__ import annotations

import re
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from gatekeeper.domain.errors import InvalidRequest, Problem

M = TypeVar("M", bound=BaseModel)

MAX_PATH_LENGTH = 255
_MAX_PROBLEMS = 5
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def validate(model: type[M], content: Any, prefix: str = "") -> M:
    """Read the content as the model; raises InvalidRequest.

    Its field is the first that is wrong, behind the prefix; its reason goes on with the next ones.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        problems = [
            build_problem(prefix + ".".join(map(str, each["loc"])), each["msg"])
            for each in error.errors(include_url=False, include_input=False)[:_MAX_PROBLEMS]
        ]
    first, *others = problems
    raise InvalidRequest(first.path, "; ".join([first.reason, *map(str, others)]))


def build_problem(path: str, message: str) -> Problem:
    """Put pydantic's message about the field at the path into words for whoever sent it."""
    return Problem(_shown(path) or "body", _reason(message))


def _shown(path: str) -> str:
    """Give the path fit for a log or a header: it may end in a name that the sender made up."""
    return _CONTROL.sub("?", path[:MAX_PATH_LENGTH])


def _reason(message: str) -> str:
    if message.startswith("Extra inputs"):
        return "no such field"
    if message.startswith("Input should be a valid dictionary"):
        return "must be an object"
    return message.removeprefix("Value error, ")
