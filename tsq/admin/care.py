"""Claiming, releasing and noting, on the page of an entry.  POST only."""

import uuid
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern
from django.views.decorators.http import require_POST

from processes.admin.requests import acting
from processes.bus.errors import CommandBusError
from tsq import care
from tsq.admin.resolving import ResolvingAdmin
from tsq.forms import EntryNoteForm

CLAIM = "tsq.claim_tsqentry"


class CareAdmin(ResolvingAdmin):
    def get_urls(self) -> list[URLPattern]:
        views: dict[str, Any] = {
            "claim": self.claim_view,
            "release": self.release_view,
            "note": self.note_view,
        }
        return [
            self.url(f"<uuid:pk>/{word}/", require_POST(view), word) for word, view in views.items()
        ] + super().get_urls()

    def claim_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """``take_over`` names the one whose claim the operator saw."""
        self._require_care(request, pk)
        take_over = bool(request.POST.get("take_over"))
        try:
            care.claim(pk, take_over=take_over, **acting(request))
        except CommandBusError as error:
            messages.error(request, f"Nothing was changed. {error}")
        else:
            messages.success(request, "You have claimed this entry.")
        return redirect("admin:tsq_tsqentry_change", pk)

    def release_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        self._require_care(request, pk)
        try:
            care.release(pk, **acting(request))
        except CommandBusError as error:
            messages.error(request, f"Nothing was changed. {error}")
        else:
            messages.success(request, "You have released this entry.")
        return redirect("admin:tsq_tsqentry_change", pk)

    def note_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """A note that will not do is shown again on the page, with what is wrong."""
        self._require_care(request, pk)
        form = EntryNoteForm(request.POST)
        if not form.is_valid():
            return self.entry_page(request, pk, note_form=form)
        try:
            care.add_note(pk, form.cleaned_data["text"], **acting(request))
        except CommandBusError as error:
            messages.error(request, f"Nothing was changed. {error}")
        else:
            messages.success(request, "The note was added.")
        return redirect("admin:tsq_tsqentry_change", pk)

    def entry_page(self, request: HttpRequest, pk: uuid.UUID, **shown: Any) -> HttpResponse:
        """The page of the entry."""
        raise NotImplementedError

    def _require_care(self, request: HttpRequest, pk: uuid.UUID) -> None:
        self.require_view_permission(request)
        if not request.user.has_perm(CLAIM):
            raise PermissionDenied
        get_object_or_404(self.visible(request, self.rows_ever()).values("pk"), pk=pk)
