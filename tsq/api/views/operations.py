"""Begin bulk operations, or only look at what they would be; list and show them and their items."""

import uuid
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from processes.access import visible_to
from processes.api.base import ApiView, ChangingView, found
from processes.api.pagination import BY_ID
from processes.bus.models import Command
from processes.filters import InvalidFilter
from processes.requests import operator_of
from processes.states import Channel, OperatorVerb
from tsq import bulk
from tsq.api.operations import (
    BeginOperation,
    DryRun,
    Item,
    ItemPage,
    OperationDetail,
    OperationPage,
    OperationSummary,
)
from tsq.api.views.entries import VIEW as VIEW_ENTRIES
from tsq.bulk.access import may, visible_operations
from tsq.bulk.filters import ItemFilter, OperationFilter
from tsq.bulk.selectors import begun_operations, items_of, preview_of
from tsq.filters import matching_entries
from tsq.models import BulkOperation, TsqEntry
from tsq.models.bulk import BulkStatus
from tsq.selectors import with_steps

VIEW = "tsq.view_bulkoperation"
MOST_SAMPLED = 10
ASK_AGAIN_SECONDS = "1"


@extend_schema_view(
    get=extend_schema(
        operation_id="list_operations",
        summary="List bulk operations, the newest first",
        responses=OperationPage,
    ),
    post=extend_schema(
        operation_id="begin_operation",
        summary="Do the same to many entries, in the workers",
        description=(
            "202: the entries are frozen, and the operation runs. 200: what a dry run tells; "
            "nothing is stored."
        ),
        request=BeginOperation,
        responses={202: OperationDetail, 200: DryRun},
        examples=[
            OpenApiExample(
                "What would it be?",
                {"verb": "retry", "filter": {"error_code": "DISK_FULL"}, "dry_run": True},
                request_only=True,
            ),
            OpenApiExample(
                "Do it",
                {
                    "verb": "retry",
                    "filter": {"error_code": "DISK_FULL"},
                    "arguments": {"note": "disk cleaned"},
                    "rate": 20,
                    "expected_count": 4711,
                },
                request_only=True,
            ),
        ],
    ),
)
class OperationsView(ChangingView):
    needed = {"GET": (VIEW,), "POST": (VIEW, VIEW_ENTRIES)}
    filters = OperationFilter

    def visible(self, request: Request, rows: QuerySet[Any]) -> QuerySet[Any]:
        return visible_operations(request.user, rows)

    def get(self, request: Request) -> Response:
        return self.list(request, begun_operations().defer("arguments"), OperationSummary)

    def change(self, request: Request) -> Response:
        wanted = self.read(request, BeginOperation)
        verb = OperatorVerb(wanted["verb"])
        require_verb(request, verb)
        entries = _entries(request, wanted)
        if wanted.get("dry_run"):
            return Response(_dry_run(entries))
        operation = bulk.begin(
            verb,
            entries,
            operator_of(request, Channel.API),
            wanted.get("filter", {"ids": len(wanted.get("ids", ()))}),
            arguments=wanted.get("arguments", {}),
            rate=wanted.get("rate"),
            typed_count=wanted.get("expected_count"),
        )
        location = reverse("tsq-api:operation", args=[operation.pk])
        return answer_with(operation, status=202, headers={"Location": location})


@extend_schema_view(
    get=extend_schema(
        operation_id="get_operation",
        summary="Show a bulk operation and how far it is",
        responses=OperationDetail,
    )
)
class OperationView(ApiView):
    needed = {"GET": (VIEW,)}

    def get(self, request: Request, pk: uuid.UUID) -> Response:
        return answer_with(begun_operation(request, pk))


@extend_schema_view(
    get=extend_schema(
        operation_id="list_items",
        summary="List what became of each entry of a bulk operation",
        responses=ItemPage,
    )
)
class ItemsView(ApiView):
    needed = {"GET": (VIEW,)}
    filters = ItemFilter
    order = BY_ID
    domain_path = "command__domain"

    def get(self, request: Request, pk: uuid.UUID) -> Response:
        return self.list(request, items_of(begun_operation(request, pk), ""), Item)


def begun_operation(request: Request, pk: uuid.UUID) -> BulkOperation:
    return found(visible_operations(request.user, begun_operations()), pk)


def require_verb(request: Request, verb: str) -> None:
    if not may(request.user, verb):
        raise PermissionDenied(f"You may not {verb} TSQ entries.")


def answer_with(
    operation: BulkOperation, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    response = Response(OperationDetail(operation).data, status=status, headers=headers)
    if operation.status == BulkStatus.RUNNING:
        response["Retry-After"] = ASK_AGAIN_SECONDS
    return response


def _entries(request: Request, wanted: dict[str, Any]) -> QuerySet[Any]:
    """Those named or matched, as far as the caller may see them."""
    if "ids" in wanted:
        try:
            return bulk.named_entries(
                wanted["ids"], visible_to(request.user, Command.objects.all())
            )
        except bulk.NoSuchEntries as error:
            told = ["You see no entry in the TSQ that has this id."]
            places = [str(i) for i, pk in enumerate(wanted["ids"]) if pk in error.missing]
            raise ValidationError({"ids": dict.fromkeys(places, told)}) from None
    seen = visible_to(request.user, TsqEntry.objects.all())
    try:
        return matching_entries(wanted["filter"], seen, request.user.get_username())
    except InvalidFilter as error:
        raise ValidationError({"filter": error.errors}) from None


def _dry_run(entries: QuerySet[Any]) -> Any:
    preview = preview_of(entries, MOST_SAMPLED)
    shown = {
        "count": preview.count,
        "groups": preview.groups,
        "sample": with_steps(preview.sample),
    }
    return DryRun(shown).data
