"""Retry, complete, cancel, edit and retry: one entry at a time."""

import uuid
from collections.abc import Callable
from typing import ClassVar

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from processes.api.base import ChangingView
from processes.api.strict import StrictSerializer
from processes.api.versions import require_match
from processes.requests import acting
from processes.states import Channel
from tsq import operations
from tsq.api.entries import EntrySummary, etag_of_entry, etag_of_locked_entry, summary_of
from tsq.api.resolutions import Cancel, Complete, Edit, Retry
from tsq.api.views.entries import VIEW
from tsq.editing import edit_and_retry
from tsq.selectors import entries_ever


class EntryChangingView(ChangingView):
    """Does ``act`` with what the body says, unless the entry is another than If-Match names."""

    has_etag = ("POST",)
    expected: ClassVar[type[StrictSerializer]]
    act: Callable[..., object]

    def change(self, request: Request, pk: uuid.UUID) -> Response:
        answers = self.read(request, self.expected)
        self.one(request, entries_ever(), pk)
        require_match(request, lambda: etag_of_locked_entry(pk))
        self.act(pk, **answers, **acting(request, Channel.API))
        etag = etag_of_entry(pk)
        return Response(summary_of(pk), headers={"ETag": etag})


@extend_schema_view(
    post=extend_schema(
        operation_id="retry_entry",
        summary="Have the command delivered again",
        request=Retry,
        responses=EntrySummary,
        examples=[OpenApiExample("Retry", {"seen": 3, "note": "disk cleaned"}, request_only=True)],
    )
)
class RetryView(EntryChangingView):
    needed = {"POST": (VIEW, "tsq.retry_tsqentry")}
    expected = Retry
    act = staticmethod(operations.retry)


@extend_schema_view(
    post=extend_schema(
        operation_id="complete_entry",
        summary="Count the command as done, as if its handler had returned the result",
        request=Complete,
        responses=EntrySummary,
        examples=[
            OpenApiExample(
                "By hand", {"seen": 3, "result_data": {"file": "july.html"}}, request_only=True
            )
        ],
    )
)
class CompleteView(EntryChangingView):
    needed = {"POST": (VIEW, "tsq.complete_tsqentry")}
    expected = Complete
    act = staticmethod(operations.complete)


@extend_schema_view(
    post=extend_schema(
        operation_id="cancel_entry",
        summary="Give the command up; a process that waits for it compensates",
        request=Cancel,
        responses=EntrySummary,
        examples=[OpenApiExample("Why", {"seen": 3, "reason": "customer left"}, request_only=True)],
    )
)
class CancelView(EntryChangingView):
    needed = {"POST": (VIEW, "tsq.cancel_tsqentry")}
    expected = Cancel
    act = staticmethod(operations.cancel)


@extend_schema_view(
    post=extend_schema(
        operation_id="edit_entry",
        summary="Have the command delivered again with other data, if its handler allows it",
        request=Edit,
        responses=EntrySummary,
        examples=[
            OpenApiExample(
                "Mended",
                {"seen": 3, "data": {"iban": "DE89 3704"}, "reason": "typing error"},
                request_only=True,
            )
        ],
    )
)
class EditView(EntryChangingView):
    needed = {"POST": (VIEW, "tsq.edit_tsqentry")}
    expected = Edit
    act = staticmethod(edit_and_retry)
