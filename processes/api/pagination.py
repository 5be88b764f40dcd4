"""Lists by cursor: a page costs the same however long the list is and however deep the page."""

import base64
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

import django_filters
from django.core.exceptions import ValidationError
from django.db.models import Field, Q, QuerySet
from rest_framework import serializers
from rest_framework.request import Request

from processes.filters import InvalidFilter

WORDS = ("limit", "cursor")
DEFAULT_LIMIT = 50
MOST = 200


class Page(serializers.Serializer[Any]):
    """Subclasses name what ``results`` are."""

    next = serializers.URLField(allow_null=True, help_text="Those that follow; null: none.")
    previous = serializers.URLField(allow_null=True, help_text="Those before; null: none.")


class AllRows(django_filters.FilterSet):
    """For a list that is not chosen from."""


@dataclass(frozen=True, slots=True)
class Order:
    """By these columns, which together are unique: an id, or a time and an id."""

    columns: tuple[str, ...]
    is_descending: bool = False


NEWEST_FIRST = Order(("created_at", "id"), is_descending=True)
BY_ID = Order(("id",))


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page begins: beyond the row with these values, onwards or backwards."""

    values: tuple[Any, ...]
    backwards: bool

    @classmethod
    def at(cls, row: Any, fields: "Sequence[Field[Any, Any]]", backwards: bool) -> Self:
        return cls(tuple(getattr(row, field.attname) for field in fields), backwards)

    def __str__(self) -> str:
        values = [v.isoformat() if isinstance(v, datetime) else str(v) for v in self.values]
        told = json.dumps([*values, self.backwards])
        return base64.urlsafe_b64encode(told.encode()).decode().rstrip("=")

    @classmethod
    def read(cls, text: str, fields: "Sequence[Field[Any, Any]]") -> Self:
        """Raises InvalidFilter."""
        try:
            padded = text.encode("ascii") + b"=" * (-len(text) % 4)
            *values, backwards = json.loads(base64.b64decode(padded, b"-_", validate=True))
            pairs = zip(fields, values, strict=True)
            return cls(tuple(_read(field, value) for field, value in pairs), bool(backwards))
        except (ValueError, TypeError, ValidationError, RecursionError, OverflowError):
            told = "Take it from next or previous of another page."
            raise InvalidFilter({"cursor": [told]}) from None


def _read(field: "Field[Any, Any]", value: Any) -> Any:
    read = field.to_python(str(value))
    return read.astimezone(UTC) if isinstance(read, datetime) else read


def page_of(
    request: Request, rows: QuerySet[Any], order: Order = NEWEST_FIRST
) -> tuple[list[Any], dict[str, str | None]]:
    """One page of ``rows``, which are not ordered yet, and the links to its neighbours."""
    fields = [rows.model._meta.get_field(column) for column in order.columns]
    limit = _limit(request)
    text = request.query_params.get("cursor")
    cursor = None if text is None else Cursor.read(text, fields)
    backwards = cursor is not None and cursor.backwards
    descends = order.is_descending != backwards
    ordering = [f"-{column}" if descends else column for column in order.columns]
    found = list(_beyond(rows, cursor, order.columns, descends).order_by(*ordering)[: limit + 1])
    more, page = len(found) > limit, found[:limit]
    if backwards:
        page.reverse()

    def link(edge: int, backwards: bool) -> str | None:
        return _link(request, Cursor.at(page[edge], fields, backwards)) if page else None

    links = {
        "next": link(-1, False) if more or backwards else None,
        "previous": link(0, True) if (more if backwards else cursor) else None,
    }
    return page, links


def _beyond(
    rows: QuerySet[Any], cursor: Cursor | None, columns: Sequence[str], descends: bool
) -> QuerySet[Any]:
    """The first condition alone lets the index find the place; the others order equal times."""
    if cursor is None:
        return rows
    way = "lt" if descends else "gt"
    first, last = (columns[0], cursor.values[0]), (columns[-1], cursor.values[-1])
    after = Q((f"{first[0]}__{way}", first[1])) | Q((f"{last[0]}__{way}", last[1]))
    return rows.filter((f"{first[0]}__{way}e", first[1])).filter(after)


def _link(request: Request, cursor: Cursor) -> str:
    query = request.query_params.copy()
    query["cursor"] = str(cursor)
    return request.build_absolute_uri(f"{request.path}?{query.urlencode()}")


def _limit(request: Request) -> int:
    text = request.query_params.get("limit", str(DEFAULT_LIMIT))
    if not re.fullmatch(r"[0-9]{1,3}", text) or not 1 <= int(text) <= MOST:
        raise InvalidFilter({"limit": [f"Write a whole number from 1 to {MOST}."]})
    return int(text)


def words_of(request: Request, beside: Sequence[str] = WORDS) -> dict[str, str]:
    """The query parameters that choose rows; not those ``beside`` them."""
    return {word: text for word, text in once_each(request).items() if word not in beside}


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
