"""Lists by cursor: a page costs the same however long the list is and however deep the page."""

import base64
import json
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from django.db.models import Q, QuerySet
from rest_framework import serializers
from rest_framework.request import Request

from processes.filters import InvalidFilter

WORDS = ("limit", "cursor")
DEFAULT_LIMIT = 50
MOST = 200


class Page(serializers.Serializer[Any]):
    """Subclasses name what ``results`` are."""

    next = serializers.URLField(allow_null=True, help_text="The older ones; null: none.")
    previous = serializers.URLField(allow_null=True, help_text="The newer ones; null: none.")


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page begins: beyond this row, onwards or backwards."""

    at: datetime
    id: uuid.UUID
    backwards: bool

    def __str__(self) -> str:
        told = [self.at.isoformat(), str(self.id), self.backwards]
        return base64.urlsafe_b64encode(json.dumps(told).encode()).decode().rstrip("=")

    @classmethod
    def read(cls, text: str) -> Self:
        """Raises InvalidFilter."""
        try:
            padded = text.encode("ascii") + b"=" * (-len(text) % 4)
            at, row_id, backwards = json.loads(base64.b64decode(padded, b"-_", validate=True))
            moment = datetime.fromisoformat(at).astimezone(UTC)
            return cls(moment, uuid.UUID(row_id), bool(backwards))
        except (ValueError, TypeError, AttributeError, RecursionError, OverflowError):
            told = "Take it from next or previous of another page."
            raise InvalidFilter({"cursor": [told]}) from None


def page_of(request: Request, rows: QuerySet[Any]) -> tuple[list[Any], dict[str, str | None]]:
    """One page of ``rows``, the newest first, and the links to its neighbours.

    ``rows`` have ``created_at`` and ``id`` and are not ordered yet.
    """
    limit = _limit(request)
    text = request.query_params.get("cursor")
    cursor = None if text is None else Cursor.read(text)
    backwards = cursor is not None and cursor.backwards
    ordering = ("created_at", "id") if backwards else ("-created_at", "-id")
    found = list(_beyond(rows, cursor).order_by(*ordering)[: limit + 1])
    more, page = len(found) > limit, found[:limit]
    if backwards:
        page.reverse()
    links = {
        "next": _link(request, page, False) if more or backwards else None,
        "previous": _link(request, page, True) if (more if backwards else cursor) else None,
    }
    return page, links


def _beyond(rows: QuerySet[Any], cursor: Cursor | None) -> QuerySet[Any]:
    """The first condition alone lets the index find the place; the second orders equal times."""
    if cursor is None:
        return rows
    way = "gt" if cursor.backwards else "lt"
    after = Q((f"created_at__{way}", cursor.at)) | Q((f"id__{way}", cursor.id))
    return rows.filter((f"created_at__{way}e", cursor.at)).filter(after)


def _link(request: Request, page: Sequence[Any], backwards: bool) -> str | None:
    if not page:
        return None
    edge = page[0] if backwards else page[-1]
    query = request.query_params.copy()
    query["cursor"] = str(Cursor(edge.created_at, edge.id, backwards))
    return request.build_absolute_uri(f"{request.path}?{query.urlencode()}")


def _limit(request: Request) -> int:
    text = request.query_params.get("limit", str(DEFAULT_LIMIT))
    if not re.fullmatch(r"[0-9]{1,3}", text) or not 1 <= int(text) <= MOST:
        raise InvalidFilter({"limit": [f"Write a whole number from 1 to {MOST}."]})
    return int(text)


def words_of(request: Request) -> dict[str, str]:
    """The query parameters that choose rows."""
    return {word: text for word, text in once_each(request).items() if word not in WORDS}


def once_each(request: Request) -> dict[str, str]:
    """All query parameters.  None is ignored: given once, and not blank."""
    refused = {
        word: ["Give it once, with a value, or not at all."]
        for word, values in request.query_params.lists()
        if len(values) > 1 or not str(values[0]).strip()
    }
    if refused:
        raise InvalidFilter(refused)
    return {word: str(text) for word, text in request.query_params.items()}
