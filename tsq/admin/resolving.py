"""Resolving in two pages: one asks and changes nothing, the other does it.  POST only.

One row is a selection of one: both ways lead to the same confirmation page and the same form.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern
from django.views.decorators.http import require_http_methods, require_safe

from processes.access import domains_of
from processes.admin.readonly import ReadOnlyAdmin
from processes.admin.requests import acting
from tsq.admin.resolutions import Resolution, Tally, resolve
from tsq.forms import MOST_CHOSEN, Chosen, ResolutionForm
from tsq.selectors import Subject

MOST_SHOWN = 20


class ResolvingAdmin(ReadOnlyAdmin):
    resolutions: ClassVar[tuple[Resolution, ...]]
    """In the order of their buttons; each needs the permission ``<verb>_<model>``."""

    def subjects(self, rows: Sequence[Any]) -> list[Subject]:
        """Open rows as a confirmation page shows them."""
        raise NotImplementedError

    def rows_ever(self) -> QuerySet[Any]:
        """The open rows and those that have moved on, so that a late comer hears by whom."""
        raise NotImplementedError

    def chosen(self, row: Any) -> Chosen:
        """The row as seen now."""
        raise NotImplementedError

    def get_urls(self) -> list[URLPattern]:
        urls = super().get_urls()
        for resolution in self.resolutions:
            verb = resolution.verb.value
            ask, do = require_safe(self.ask_view), require_http_methods(["GET", "POST"])(self.do)
            one = f"<{self.pk_converter}:pk>/{verb}/"
            urls.append(self.url(one, ask, f"ask_{verb}", resolution=resolution))
            urls.append(self.url(f"{verb}/", do, verb, resolution=resolution))
        return urls

    def may(self, request: HttpRequest, resolution: Resolution) -> bool:
        codename = f"{resolution.verb.value}_{self.opts.model_name}"
        return request.user.has_perm(f"{self.opts.app_label}.{codename}")

    def permitted(self, request: HttpRequest) -> list[Resolution]:
        return [resolution for resolution in self.resolutions if self.may(request, resolution)]

    def ask_view(self, request: HttpRequest, pk: Any, resolution: Resolution) -> HttpResponse:
        """The confirmation page of one row; one that has moved on tells so on its own page."""
        self._require(request, resolution)
        row = self.get_queryset(request).filter(pk=pk).first()
        if row is None:
            return redirect(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", pk)
        return self._ask(request, resolution, [row])

    def do(self, request: HttpRequest, resolution: Resolution) -> HttpResponse:
        """Do it to what was confirmed; a form that is not right is shown again."""
        self._require(request, resolution)
        if request.method != "POST":
            return self._to_list()
        form = resolution.form(self.model, request.POST)
        if form.is_valid():
            self._require_visible(request, form.cleaned_data["chosen"])
            self._tell(request, resolution, resolve(resolution, form, acting(request)))
            return self._to_list()
        if "chosen" in form.errors:
            messages.error(request, " ".join(map(str, form.errors["chosen"])))
            return self._to_list()
        pks = [chosen.pk for chosen in form.cleaned_data["chosen"]]
        return self._confirmation(request, resolution, form, self._open(request, pks), len(pks))

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """The resolutions this operator may use, for a selection from the list."""
        return {
            resolution.verb.value: (
                lambda admin, request, rows, resolution=resolution: admin.ask_for_selection(
                    request, resolution, rows
                ),
                resolution.verb.value,
                f"{resolution.verb.label} selected %(verbose_name_plural)s",
            )
            for resolution in self.permitted(request)
        }

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        try:
            for pk in request.POST.getlist(ACTION_CHECKBOX_NAME):
                self.opts.pk.to_python(pk)
        except ValidationError:
            raise Http404("There is no such row.") from None
        return super().changelist_view(request, extra_context)

    def ask_for_selection(
        self, request: HttpRequest, resolution: Resolution, rows: QuerySet[Any]
    ) -> HttpResponse | None:
        """The confirmation page of a selection; None: back to the list with a message."""
        self._require(request, resolution)
        selected = list(rows[: MOST_CHOSEN + 1])
        if not selected:
            messages.warning(request, "Nothing selected is still waiting; nothing was changed.")
            return None
        if len(selected) > MOST_CHOSEN:
            messages.error(request, f"Choose at most {MOST_CHOSEN} at a time.")
            return None
        return self._ask(request, resolution, selected)

    def _require(self, request: HttpRequest, resolution: Resolution) -> None:
        self.require_view_permission(request)
        if not self.may(request, resolution):
            raise PermissionDenied

    def _require_visible(self, request: HttpRequest, chosen: Sequence[Chosen]) -> None:
        """One limited to domains is told of no row elsewhere, whether it exists or not."""
        if domains_of(request.user) is None:
            return
        pks = {row.pk for row in chosen}
        if self.visible(request, self.rows_ever()).filter(pk__in=pks).count() != len(pks):
            raise Http404("There is no such row.")

    def _open(self, request: HttpRequest, pks: Sequence[Any]) -> list[Any]:
        return list(self.get_queryset(request).filter(pk__in=pks))

    def _ask(
        self, request: HttpRequest, resolution: Resolution, rows: Sequence[Any]
    ) -> HttpResponse:
        chosen = " ".join(str(self.chosen(row)) for row in rows)
        form = resolution.form(self.model, initial={"chosen": chosen})
        return self._confirmation(request, resolution, form, rows, len(rows))

    def _confirmation(
        self,
        request: HttpRequest,
        resolution: Resolution,
        form: ResolutionForm,
        rows: Sequence[Any],
        count: int,
    ) -> HttpResponse:
        word = self.opts.verbose_name if count == 1 else self.opts.verbose_name_plural
        return self.render(
            request,
            "tsq/confirm.html",
            f"{resolution.verb.label} {count} {word}",
            resolution=resolution,
            form=form,
            subjects=self.subjects(rows[:MOST_SHOWN]),
            count=count,
            more=max(count - MOST_SHOWN, 0),
            do_url=f"admin:{self.opts.app_label}_{self.opts.model_name}_{resolution.verb.value}",
        )

    def _tell(self, request: HttpRequest, resolution: Resolution, tally: Tally) -> None:
        level = messages.WARNING if tally.done else messages.ERROR
        messages.add_message(
            request, level if tally.refused else messages.SUCCESS, tally.told(resolution.done)
        )

    def _to_list(self) -> HttpResponse:
        return redirect(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")
