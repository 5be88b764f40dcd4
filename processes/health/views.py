"""Thin: what is well is decided in ``checks``, what is told in ``metrics``."""

import logging

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.log import log_response
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from rest_framework.request import Request

from processes.access import domains_of
from processes.api.base import ApiView
from processes.api.parsing import IgnoreAccept
from processes.health.checks import readiness
from processes.health.metrics import CONTENT_TYPE, metrics_text

logger = logging.getLogger("processes.health")


@never_cache
@require_safe
def livez(_request: HttpRequest) -> HttpResponse:
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    told = {name: "ok" if holds else "failing" for name, holds in readiness.ask().items()}
    failing = [name for name, word in told.items() if word == "failing"]
    status = "failing" if failing else "ok"
    response = JsonResponse({"status": status, "checks": told}, status=503 if failing else 200)
    if failing:  # said here, for Django would call it an error of the server
        log_response(
            "Not ready: %s failing",
            ", ".join(failing),
            response=response,
            request=request,
            logger=logger,
            level="warning",
        )
    return response


class MetricsView(ApiView):
    needed = {"GET": ("processes.view_metrics",)}
    content_negotiation_class = IgnoreAccept
    schema = None

    def get(self, request: Request) -> HttpResponse:
        return HttpResponse(metrics_text(domains_of(request.user)), CONTENT_TYPE)
