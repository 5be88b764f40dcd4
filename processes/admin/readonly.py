"""What all pages of the console share: they show rows; nothing is added, changed or deleted."""

import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.functional import cached_property
from django.utils.text import capfirst
from django.views.decorators.http import require_safe

from processes.access import visible_to

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Model]
    RowsPaginator = Paginator[Any]
else:
    ModelAdmin = admin.ModelAdmin
    RowsPaginator = Paginator

MOST_COUNTED = 10_000
"""A list counts, and pages through, no more rows; filters and search find the others."""


class BoundedPaginator(RowsPaginator):
    @cached_property
    def count(self) -> int:
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]
        return rows.order_by().values("pk")[:MOST_COUNTED].count()

    @property
    def is_cut(self) -> bool:
        return self.count >= MOST_COUNTED


class ReadOnlyAdmin(ModelAdmin):
    """A list and a page per row.  ``search_fields`` name UUID columns, found by exact match.

    What a person may not see because of a domain limit is as if it did not exist: subclasses
    say in ``rows`` what there is, and pass every other look-up by id through ``visible``.
    """

    pk_converter: ClassVar[str] = "uuid"
    domain_path: ClassVar[str] = "domain"
    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50
    change_list_template = "console/change_list.html"
    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def rows(self, request: HttpRequest) -> QuerySet[Any]:
        """What is listed, whoever looks."""
        return super().get_queryset(request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return self.visible(request, self.rows(request))

    def visible(self, request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Those of ``rows`` in the domains this person may see."""
        return visible_to(request.user, rows, self.domain_path)

    def get_urls(self) -> list[URLPattern]:
        return [
            self.url("", self.changelist_view, "changelist"),
            self.url(f"<{self.pk_converter}:pk>/change/", require_safe(self.page), "change"),
        ]

    def url(self, route: str, view: Any, name: str, **known: Any) -> URLPattern:
        """A page of this admin, for people who are logged in."""
        full_name = f"{self.opts.app_label}_{self.opts.model_name}_{name}"
        return path(route, self.admin_site.admin_view(view), known, name=full_name)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        title = {"title": capfirst(self.opts.verbose_name_plural)}
        return super().changelist_view(request, title | (extra_context or {}))

    def page(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """The page of one row."""
        raise NotImplementedError

    def require_view_permission(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied

    def render(
        self, request: HttpRequest, template: str, title: str, **context: Any
    ) -> TemplateResponse:
        shared = self.admin_site.each_context(request) | {"opts": self.opts, "title": title}
        return TemplateResponse(request, template, shared | context)

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Only what the filters offer can be asked for by URL."""
        filters: Sequence[Any] = self.list_filter
        return lookup in {offered.parameter_name for offered in filters}

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if not search_term:
            return queryset, False
        try:
            wanted = uuid.UUID(search_term.strip())
        except ValueError:
            return queryset.none(), False
        matches = Q()
        for field in self.search_fields:
            matches |= Q((field, wanted))
        return queryset.filter(matches), False
