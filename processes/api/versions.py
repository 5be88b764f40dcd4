"""ETags: what a caller has seen is recognised by it."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from django.utils.http import parse_etags
from rest_framework.request import Request
from rest_framework.response import Response

from processes.api.problems import ApiError


class Changing(Protocol):
    """A row that renews ``updated_at`` with every change."""

    updated_at: datetime


def etag_of(row: Changing) -> str:
    return f'"{int(row.updated_at.timestamp() * 1_000_000):x}"'


def answer_with_etag(request: Request, etag: str, represent: Callable[[], object]) -> Response:
    """200 with what ``represent`` returns, or 304 to a caller who has this version."""
    headers = {"ETag": etag}
    known = [
        tag.removeprefix("W/") for tag in parse_etags(request.headers.get("If-None-Match", ""))
    ]
    if etag in known or "*" in known:
        return Response(status=304, headers=headers)
    return Response(represent(), headers=headers)


def require_match(request: Request, current: Callable[[], str]) -> None:
    """Refuse if the caller's If-Match names another version than ``current``.

    ``current`` locks what it tells of, so that it stays true until the transaction ends.
    """
    given = request.headers.get("If-Match")
    if given is None or "*" in parse_etags(given):
        return
    if current() not in parse_etags(given):
        raise ApiError("PRECONDITION_FAILED", "It has changed since the version If-Match names.")
