"""Who acts at the console, as the operations want to hear it."""

from django.http import HttpRequest

from processes import requests
from processes.audit import Operator
from processes.requests import Acting
from processes.states import Channel


def acting(request: HttpRequest) -> Acting:
    """The operator of this request; all it does carries one request id."""
    return requests.acting(request, Channel.ADMIN)


def operator_of(request: HttpRequest) -> Operator:
    return requests.operator_of(request, Channel.ADMIN)
