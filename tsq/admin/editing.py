"""Edit and retry, in three pages: the data to edit, the difference to confirm, then it is done."""

import json
import uuid
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern
from django.views.decorators.http import require_http_methods

from processes.admin.difference import difference
from processes.admin.forms import ReasonForm
from processes.admin.requests import acting
from processes.bus.errors import CommandBusError
from processes.bus.models import Command
from processes.bus.states import CommandStatus
from tsq.admin.resolving import ResolvingAdmin
from tsq.editing import edit_and_retry, is_editable
from tsq.forms import MOST_RESULT_CHARACTERS, ResultField
from tsq.resolutions import data_to_run

EDIT = "tsq.edit_tsqentry"
_ENTRY_PAGE = "admin:tsq_tsqentry_change"


class DataField(ResultField):
    what = "the data of a command"


class EditForm(ReasonForm):
    """``seen`` is the ``deliveries`` number the operator looked at."""

    seen = forms.IntegerField(min_value=0, max_value=2**31 - 1, widget=forms.HiddenInput)
    data = DataField(  # type: ignore[assignment]  # kept apart by Django
        label="Data",
        max_length=MOST_RESULT_CHARACTERS,
        help_text="A JSON object. The data first sent is kept beside it.",
        widget=forms.Textarea(attrs={"rows": 20, "class": "code", "spellcheck": "false"}),
    )
    field_order = ("data", "reason")

    def __init__(self, command: Command, posted: Any = None) -> None:
        text = json.dumps(data_to_run(command), indent=2, ensure_ascii=False)
        super().__init__(posted, initial={"data": text, "seen": command.deliveries})
        self._command = command

    def clean_data(self) -> dict[str, Any]:
        data: dict[str, Any] = self.cleaned_data["data"]
        if not difference(data_to_run(self._command), data):
            raise ValidationError("Nothing is changed. To try again with the same data, retry.")
        return data


class EditingAdmin(ResolvingAdmin):
    """The pages of it, for the admin of entries."""

    def get_urls(self) -> list[URLPattern]:
        view = require_http_methods(["GET", "HEAD", "POST"])(self.edit_view)
        return [*super().get_urls(), self.url("<uuid:pk>/edit/", view, "edit")]

    def edit_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Only a POST that confirms changes anything."""
        self.require_view_permission(request)
        if not request.user.has_perm(EDIT):
            raise PermissionDenied
        command = get_object_or_404(self.visible(request, self.rows_ever()), pk=pk)
        if not is_editable(command):
            messages.error(request, "The handler of this command does not allow editing its data.")
            return redirect(_ENTRY_PAGE, pk)
        if request.method != "POST":
            is_parked = command.status == CommandStatus.IN_TROUBLESHOOTING_QUEUE
            return self._form(request, command) if is_parked else redirect(_ENTRY_PAGE, pk)
        form = EditForm(command, request.POST)
        if not form.is_valid() or "again" in request.POST:
            return self._form(request, command, form)
        if "confirmed" not in request.POST:
            return self._confirmation_of_edit(request, command, form)
        self._edit(request, command, form.cleaned_data)
        return redirect(_ENTRY_PAGE, pk)

    def _edit(self, request: HttpRequest, command: Command, answers: dict[str, Any]) -> None:
        try:
            edit_and_retry(command.pk, **answers, **acting(request))
        except CommandBusError as error:
            messages.error(request, f"Nothing was changed. {error}")
        else:
            messages.success(request, f"{command} is delivered again with the edited data.")

    def _form(
        self, request: HttpRequest, command: Command, form: EditForm | None = None
    ) -> HttpResponse:
        title = f"Edit and retry {command.command_type}"
        context = {"entry": command, "form": form or EditForm(command)}
        return self.render(request, "tsq/edit.html", title, **context)

    def _confirmation_of_edit(
        self, request: HttpRequest, command: Command, form: EditForm
    ) -> HttpResponse:
        return self.render(
            request,
            "tsq/edit_confirm.html",
            f"Retry {command.command_type} with edited data",
            entry=command,
            form=form,
            lines=difference(data_to_run(command), form.cleaned_data["data"]),
        )
