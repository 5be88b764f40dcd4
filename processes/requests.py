"""Every request has an id, and what it does is recorded under that id."""

import re
import uuid
from collections.abc import Callable
from typing import Any, TypedDict

from django.http import HttpRequest, HttpResponse

from processes.audit import Operator
from processes.states import Channel

HEADER = "X-Request-ID"
_SAFE = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")


class RequestIdMiddleware:
    """Takes the caller's id if it can be shown and stored as it is, else makes one; answers it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get(HEADER, "")
        request_id = given if _SAFE.fullmatch(given) else uuid.uuid4().hex
        request.request_id = request_id  # type: ignore[attr-defined]
        response = self.get_response(request)
        response[HEADER] = request_id
        return response


class Acting(TypedDict):
    operator: str
    channel: str
    request_id: str


def request_id_of(request: Any) -> str:
    return getattr(request, "request_id", "")


def operator_of(request: Any, channel: Channel) -> Operator:
    """The same person or service, for the operations that take them as one."""
    by = acting(request, channel)
    return Operator(by["operator"], by["channel"], by["request_id"])


def acting(request: Any, channel: Channel) -> Acting:
    """Who acts through this request, of whatever kind, as the operations want to hear it."""
    return Acting(
        operator=request.user.get_username(),
        channel=channel,
        request_id=request_id_of(request),
    )
