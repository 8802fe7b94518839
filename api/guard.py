"""Turning away what no client of the API sends: before any route sees it."""

from __future__ import annotations

from apiflask import HTTPError
from flask import request

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


def turn_away() -> None:
    """Refuse a body of unknown length, and a change that another site's page asks for.

    A browser says where a request comes from; as long as there are no keys, a page that someone on
    this machine looks at could otherwise trigger runs.
    """
    if request.content_length is None and "Transfer-Encoding" in request.headers:
        raise HTTPError(411, "the body needs a Content-Length")
    if request.method not in SAFE_METHODS and request.headers.get("Sec-Fetch-Site") in (
        "cross-site",
        "same-site",
    ):
        raise HTTPError(403, "a page of another site may not change anything here")
