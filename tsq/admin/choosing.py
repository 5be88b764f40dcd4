"""From the list of entries to a bulk operation: several chosen rows become a frozen draft."""

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from processes.admin.requests import operator_of
from tsq import bulk
from tsq.admin.entry_list import words_of
from tsq.admin.resolutions import Resolution
from tsq.admin.resolving import ResolvingAdmin

VIEW_BULK = "tsq.view_bulkoperation"


class ChoosingAdmin(ResolvingAdmin):
    """One row keeps its direct way."""

    def ask_for_selection(
        self, request: HttpRequest, resolution: Resolution, rows: QuerySet[Any]
    ) -> HttpResponse | None:
        self._require(request, resolution)
        if len(rows.values_list("pk")[:2]) < 2:
            return super().ask_for_selection(request, resolution, rows)
        if not request.user.has_perm(VIEW_BULK):
            messages.error(request, "You may not use bulk operations; choose one entry at a time.")
            return None
        draft = bulk.choose(resolution.verb, rows, operator_of(request), _chosen_by(request))
        return redirect("admin:tsq_bulkoperation_confirm", draft.pk)


def _chosen_by(request: HttpRequest) -> dict[str, str]:
    """The filter in the URL, if everything that matches it was chosen."""
    return words_of(request.GET) if request.POST.get("select_across") == "1" else {}
