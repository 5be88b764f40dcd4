"""List and show entries, their groups, and what canceling one would compensate."""

import uuid

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from processes.api.base import ApiView
from processes.api.pagination import Order
from processes.api.versions import answer_with_etag
from tsq.api.entries import (
    EntryDetail,
    EntryPage,
    EntrySummary,
    Group,
    Groups,
    UndoPlan,
    etag_of_entry,
)
from tsq.filters import EntryFilter
from tsq.groups import error_groups
from tsq.models import TsqEntry
from tsq.selectors import entries_ever, entry_subjects, listed_entries, with_steps

VIEW = "tsq.view_tsqentry"


@extend_schema_view(
    get=extend_schema(
        operation_id="list_entries",
        summary="List the TSQ entries, the one parked first at the top",
        responses=EntryPage,
    )
)
class EntriesView(ApiView):
    needed = {"GET": (VIEW,)}
    filters = EntryFilter
    order = Order(("parked_at", "id"))

    def get(self, request: Request) -> Response:
        page, links = self.page(request, listed_entries())
        return Response({"results": EntrySummary(with_steps(page), many=True).data, **links})


@extend_schema_view(
    get=extend_schema(
        operation_id="get_entry",
        summary="Show a command that is or was in the TSQ",
        responses=EntryDetail,
    )
)
class EntryView(ApiView):
    needed = {"GET": (VIEW,)}
    has_etag = ("GET",)

    def get(self, request: Request, pk: uuid.UUID) -> Response:
        etag = etag_of_entry(pk)
        entry = self.one(request, entries_ever().select_related("entry_claim"), pk)
        return answer_with_etag(request, etag, lambda: EntryDetail(with_steps([entry])[0]).data)


@extend_schema_view(
    get=extend_schema(
        operation_id="list_groups",
        summary="Group the TSQ entries by their error, the one seen last at the top",
        responses=Groups,
    )
)
class GroupsView(ApiView):
    needed = {"GET": (VIEW,)}
    filters = EntryFilter
    is_paged = False

    def get(self, request: Request) -> Response:
        groups, is_cut = error_groups(self.matching(request, TsqEntry.objects.all()))
        return Response({"results": Group(groups, many=True).data, "is_cut": is_cut})


@extend_schema_view(
    get=extend_schema(
        operation_id="get_undo_plan",
        summary="Tell what canceling the entry would compensate",
        responses=UndoPlan,
    )
)
class UndoPlanView(ApiView):
    needed = {"GET": (VIEW,)}

    def get(self, request: Request, pk: uuid.UUID) -> Response:
        self.one(request, entries_ever(), pk)
        subjects = entry_subjects(TsqEntry.objects.filter(pk=pk))
        undone = subjects[0].undone if subjects else None
        plan = {"compensates": undone is not None, "steps": undone or []}
        return Response(UndoPlan(plan).data)
