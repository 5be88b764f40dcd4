"""Who acts, as the operations want to hear it."""

import uuid
from typing import TypedDict

from django.http import HttpRequest

from processes.audit import Operator
from processes.states import Channel


class Acting(TypedDict):
    operator: str
    channel: str
    request_id: str


def acting(request: HttpRequest) -> Acting:
    """The operator of this request; all it does carries one request id."""
    return Acting(
        operator=request.user.get_username(),
        channel=Channel.ADMIN,
        request_id=request.headers.get("X-Request-ID") or uuid.uuid4().hex,
    )


def operator_of(request: HttpRequest) -> Operator:
    by = acting(request)
    return Operator(by["operator"], by["channel"], by["request_id"])
