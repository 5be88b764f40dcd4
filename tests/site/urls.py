"""Addresses whose views fail, each in its way."""

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.urls import path


def bad_request(request: HttpRequest) -> HttpResponse:
    raise SuspiciousOperation


def forbidden(request: HttpRequest) -> HttpResponse:
    raise PermissionDenied


def broken(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("a detail that no visitor should read")


urlpatterns = [
    path("bad-request/", bad_request),
    path("forbidden/", forbidden),
    path("broken/", broken),
]
