"""The page of groups: alike errors together, those with new entries on top."""

from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from django.views.decorators.http import require_safe

from processes.admin.readonly import ReadOnlyAdmin
from tsq.admin.entry_list import words_of
from tsq.filters import InvalidFilter, matching_entries
from tsq.groups import MOST_GROUPS, NEW_FOR, ErrorGroup, error_groups
from tsq.models import TsqEntry


class GroupsAdmin(ReadOnlyAdmin):
    def get_urls(self) -> list[URLPattern]:
        view = require_safe(self.groups_view)
        return [self.url("groups/", view, "groups"), *super().get_urls()]

    def groups_view(self, request: HttpRequest) -> HttpResponse:
        """Under the same filter words as the list."""
        self.require_view_permission(request)
        words = words_of(request.GET)
        rows, status = self.visible(request, TsqEntry.objects.all()), HTTPStatus.OK
        try:
            rows = matching_entries(words, rows, request.user.get_username())
        except InvalidFilter as error:
            messages.error(request, error.message)
            rows, status = rows.none(), HTTPStatus.BAD_REQUEST
        groups, is_cut = error_groups(rows)
        response = self.render(
            request,
            "tsq/groups.html",
            "Groups of alike errors",
            groups=[_with_links(group, words) for group in groups],
            words=words,
            query=urlencode(words),
            cut_at=MOST_GROUPS if is_cut else 0,
        )
        response.status_code = status
        return response


def _with_links(group: ErrorGroup, words: dict[str, str]) -> dict[str, Any]:
    of_group = words | {"fingerprint": group.fingerprint}
    since = {"parked_after": (group.last_seen - NEW_FOR).isoformat()}
    return {
        "group": group,
        "entries": urlencode(of_group),
        "new": urlencode(of_group | since) if group.new else "",
    }
