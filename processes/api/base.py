"""What every view of the API has in common."""

from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

import django_filters
from django.db.models import Model, QuerySet
from django.http import Http404, HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from processes.access import visible_to
from processes.api.auth import HasPermission
from processes.api.idempotency import once
from processes.api.pagination import NEWEST_FIRST, WORDS, Order, once_each, page_of, words_of
from processes.api.parsing import read_body
from processes.filters import InvalidFilter, chosen

Row = TypeVar("Row", bound=Model)


def found(rows: QuerySet[Row, Any], pk: Any) -> Row:
    row = rows.filter(pk=pk).first()
    if row is None:
        raise Http404
    return row


class ApiView(APIView):
    """``needed`` names the permissions of each method, ``filters`` what a list is chosen by.

    ``words`` are the query parameters of a GET that is no such list.
    ``domain_path`` leads from the rows to their domain; not ``is_paged``: no cursor, no limit.

    For the schema: ``has_etag`` names the methods whose answers have one, ``leads_to`` the
    operations on what a POST has made.
    """

    needed: ClassVar[dict[str, tuple[str, ...]]] = {}
    filters: ClassVar[type[django_filters.FilterSet] | None] = None
    words: ClassVar[type[Serializer[Any]] | None] = None
    is_paged: ClassVar[bool] = True
    order: ClassVar[Order] = NEWEST_FIRST
    domain_path: ClassVar[str] = "domain"
    has_etag: ClassVar[tuple[str, ...]] = ()
    leads_to: ClassVar[tuple[str, ...]] = ()
    permission_classes = [HasPermission]
    http_method_names = ["get", "head", "post"]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        self.format_kwarg = None
        accepted = self.perform_content_negotiation(request)
        request.accepted_renderer, request.accepted_media_type = accepted
        read_body(request)
        try:
            self.perform_authentication(request)
        finally:
            self.check_throttles(request)  # wrong tokens count as well
        self.check_permissions(request)
        asks = request.method != "POST" and (self.filters or self.words)
        # A method that is not there is refused next.
        if request.query_params and not asks and request.method in self.allowed_methods:
            told = ["There are no query parameters here."]
            raise InvalidFilter(dict.fromkeys(request.query_params, told))

    def visible(self, request: Request, rows: QuerySet[Row, Any]) -> QuerySet[Row, Any]:
        return visible_to(request.user, rows, self.domain_path)

    def matching(self, request: Request, rows: QuerySet[Row, Any]) -> QuerySet[Row, Any]:
        """Those ``rows`` that the caller may see and asks for."""
        assert self.filters
        words = words_of(request, WORDS if self.is_paged else ())
        return chosen(self.filters, words, self.visible(request, rows), request=request)

    def page(
        self, request: Request, rows: QuerySet[Row, Any]
    ) -> tuple[list[Row], dict[str, str | None]]:
        """A page of them, and its links."""
        return page_of(request, self.matching(request, rows), self.order)

    def list(self, request: Request, rows: QuerySet[Any], shown: type[Serializer[Any]]) -> Response:
        page, links = self.page(request, rows)
        return Response({"results": shown(page, many=True).data, **links})

    def one(self, request: Request, rows: QuerySet[Row, Any], pk: Any) -> Row:
        """The row, if the caller may see it; else there is none."""
        return found(self.visible(request, rows), pk)

    def read_words(self, request: Request) -> dict[str, Any]:
        """The query parameters, as ``words`` has them.  Raises InvalidFilter."""
        assert self.words
        serializer = self.words(data=once_each(request))
        if not serializer.is_valid():
            errors = serializer.errors.items()
            raise InvalidFilter({word: [str(e) for e in told] for word, told in errors})
        return serializer.validated_data

    def read(self, request: Request, expected: type[Serializer[Any]]) -> dict[str, Any]:
        """The body, as the serializer takes it."""
        serializer = expected(data=request.data, context={"request": request})
        serializer.is_valid(raise_exception=True)
        return serializer.validated_data


class ChangingView(ApiView):
    """A POST is done once per Idempotency-Key: subclasses write ``change`` instead of ``post``.

    ``change`` runs inside the transaction that keeps its answer.  A subclass that has a long
    poll sets ``wait``, which gets the same arguments before that transaction begins.
    """

    change: Callable[..., HttpResponse]
    wait: Callable[..., None] | None = None

    def post(self, request: Request, **kwargs: Any) -> HttpResponse:
        wait = self.wait
        return once(
            request,
            lambda: self.change(request, **kwargs),
            self.handle_exception,
            (lambda: wait(request, **kwargs)) if wait else None,
        )
