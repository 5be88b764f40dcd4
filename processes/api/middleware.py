"""Around every request to the API: its log line, and no error without problem details."""

import logging
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject
from django.utils.log import log_response

from processes.api.kinds import KINDS
from processes.api.problems import MEDIA_TYPE, problem_of, response_of

logger = logging.getLogger("processes.api")

_OUTSIDE_VIEWS = {400: "MALFORMED_REQUEST", 403: "PERMISSION_DENIED", 404: "NOT_FOUND"}


class ApiMiddleware:
    """Stands outside all that may fail, right after the request has got its id."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith("/api/"):
            return self.get_response(request)
        started = time.monotonic()
        response = self.get_response(request)
        if response.status_code >= 400 and response.headers["Content-Type"] != MEDIA_TYPE:
            response = _as_problem(request, response.status_code)
        log_response(
            "%s %s %s %d ms %s",
            request.method,
            quote(request.path),
            response.status_code,
            (time.monotonic() - started) * 1000,
            _who(request),
            response=response,
            request=request,
            logger=logger,
            level="error" if response.status_code >= 500 else "info",
        )
        return response


def _as_problem(request: HttpRequest, status: int) -> HttpResponse:
    """What answered outside the API's views: Django itself, or another middleware."""
    kind = KINDS[_OUTSIDE_VIEWS.get(status, "INTERNAL_ERROR" if status >= 500 else "NOT_FOUND")]
    detail = f"{kind.title}. {kind.remedy}"
    return response_of(problem_of(kind, detail, request))


def _who(request: HttpRequest) -> str:
    """Without asking the database for somebody whom no view has asked for."""
    user: Any = getattr(request, "user", None)
    if user is None or type(user) is SimpleLazyObject:
        return "-"
    return user.get_username() or "-"
