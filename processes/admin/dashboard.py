"""The dashboard on the admin's first page: what each person may see of how the system does."""

from datetime import timedelta
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from processes import dashboard, drawing
from processes.access import domains_of

VIEW_PROCESSES = "processes.view_process"
VIEW_ENTRIES = "tsq.view_tsqentry"
VIEW_STUCK = "tsq.view_stuckreply"


def may_see(request: HttpRequest) -> bool:
    return any(map(request.user.has_perm, (VIEW_PROCESSES, VIEW_ENTRIES, VIEW_STUCK)))


def figures(request: HttpRequest) -> dict[str, Any]:
    """Only what this person may see is counted, and only in their domains."""
    if not may_see(request):
        return {}
    user, domains = request.user, domains_of(request.user)
    shown: dict[str, Any] = {
        "at": timezone.now(),
        "domains": sorted(domains or []),
        "workers": dashboard.workers(),
    }
    if user.has_perm(VIEW_PROCESSES):
        shown["process_counts"] = dashboard.process_counts(domains)
        shown["per_minute"] = dashboard.completed_per_minute(domains)
        shown["lately"] = shown["at"] - timedelta(seconds=dashboard.LATELY_SECONDS)
        shown["waiting_for_code"] = dashboard.waiting_for_code(domains)
    if user.has_perm(VIEW_ENTRIES) or user.has_perm(VIEW_STUCK):
        shown["troubles"] = dashboard.troubles(domains)
    if user.has_perm(VIEW_ENTRIES):
        shown["arrivals"] = drawing.columns(dashboard.arrivals(domains))
    return {"dashboard": shown}


def fragment(request: HttpRequest) -> HttpResponse:
    """The dashboard alone, to take the place of the one shown."""
    if not may_see(request):
        raise PermissionDenied
    return TemplateResponse(request, "processes/dashboard.html", figures(request))
