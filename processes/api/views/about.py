"""What the API tells of itself, to everybody: its schema, its problems, and what is not there."""

from functools import cache
from threading import Lock
from typing import Any

from django.http import Http404
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.views import SpectacularSwaggerView
from rest_framework.request import Request
from rest_framework.response import Response

from processes.api.base import ApiView
from processes.api.kinds import BY_SLUG
from processes.api.parsing import IgnoreAccept

_generating = Lock()


class SchemaView(ApiView):
    permission_classes = []
    schema = None

    def get(self, request: Request) -> Response:
        return Response(whole_schema())


class ProblemKindView(ApiView):
    """What a problem's ``type`` leads to."""

    permission_classes = []
    schema = None

    def get(self, request: Request, slug: str) -> Response:
        kind = BY_SLUG.get(slug)
        if kind is None:
            raise Http404
        told = {name: getattr(kind, name) for name in ("type", "code", "status", "title", "remedy")}
        return Response(told)


class UnknownView(ApiView):
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise Http404


class DocsView(SpectacularSwaggerView):
    """By a page of our own, which runs under a strict content security policy as well."""

    template_name = "processes/api_docs.html"
    url_name = "api-schema"
    content_negotiation_class = IgnoreAccept


def whole_schema() -> Any:
    """Generated once, and by one thread: the generator fails in company."""
    with _generating:
        return _generated()


@cache
def _generated() -> Any:
    return SchemaGenerator().get_schema(request=None, public=True)
