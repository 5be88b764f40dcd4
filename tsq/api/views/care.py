"""Claim, release, note."""

import uuid

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from processes.access import visible_to
from processes.api.base import ChangingView, found
from processes.api.pagination import BY_ID, AllRows
from processes.requests import acting
from processes.states import Channel
from tsq import care
from tsq.api.entries import EntrySummary, Note, NotePage
from tsq.api.resolutions import NOTHING_TO_TELL, NewNote, Nothing, TakeClaim
from tsq.api.views.entries import VIEW
from tsq.api.views.resolutions import EntryChangingView
from tsq.selectors import entries_ever

CLAIM = "tsq.claim_tsqentry"


@extend_schema_view(
    post=extend_schema(
        operation_id="claim_entry",
        summary="Tell the others that you look after the entry; it locks nobody out",
        request=TakeClaim,
        responses=EntrySummary,
        examples=[OpenApiExample("From another", {"take_over": True}, request_only=True)],
    )
)
class ClaimView(EntryChangingView):
    needed = {"POST": (VIEW, CLAIM)}
    expected = TakeClaim
    act = staticmethod(care.claim)


@extend_schema_view(
    post=extend_schema(
        operation_id="release_entry",
        summary="Take your claim back",
        request=Nothing,
        responses=EntrySummary,
        examples=[NOTHING_TO_TELL],
    )
)
class ReleaseView(EntryChangingView):
    needed = {"POST": (VIEW, CLAIM)}
    expected = Nothing
    act = staticmethod(care.release)


@extend_schema_view(
    get=extend_schema(
        operation_id="list_notes", summary="List the notes, in order", responses=NotePage
    ),
    post=extend_schema(
        operation_id="add_note",
        summary="Keep a note with the entry",
        request=NewNote,
        responses={201: Note},
        examples=[OpenApiExample("A note", {"text": "asked the bank"}, request_only=True)],
    ),
)
class NotesView(ChangingView):
    needed = {"GET": (VIEW,), "POST": (VIEW, CLAIM)}
    filters = AllRows
    order = BY_ID
    domain_path = "command__domain"

    def get(self, request: Request, pk: uuid.UUID) -> Response:
        entry = found(visible_to(request.user, entries_ever()), pk)
        return self.list(request, entry.notes.all(), Note)

    def change(self, request: Request, pk: uuid.UUID) -> Response:
        text = self.read(request, NewNote)["text"]
        found(visible_to(request.user, entries_ever()), pk)
        note = care.add_note(pk, text, **acting(request, Channel.API))
        return Response(Note(note).data, status=201)
