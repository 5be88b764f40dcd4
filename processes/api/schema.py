"""What OpenAPI says of every operation alike: headers, query words and problems."""

from collections.abc import Iterator
from typing import Any

import django_filters
from drf_spectacular.extensions import (
    OpenApiAuthenticationExtension,
    OpenApiSerializerExtension,
    OpenApiSerializerFieldExtension,
)
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import (
    ResolvedComponent,
    build_basic_type,
    build_bearer_security_scheme_object,
)
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.serializers import Serializer

from processes.api import idempotency
from processes.api.kinds import KINDS
from processes.api.pagination import DEFAULT_LIMIT, MOST
from processes.api.problems import MEDIA_TYPE, ProblemDetails
from processes.api.strict import NOT_BLANK
from processes.filters import (
    LARGEST_NUMBER,
    AgeFilter,
    MomentFilter,
    WholeNumberFilter,
    YesNoFilter,
)
from processes.idempotency import KEY_LENGTH
from processes.requests import HEADER as REQUEST_ID

_ALWAYS = (400, 401, 403, 406, 429)
_CHANGING = (409, 411, 413, 415, 422)
_PROBLEM_HEADERS = {401: "WWW-Authenticate", 429: "Retry-After"}


class ApiSchema(AutoSchema):
    """Reads what ``ApiView`` says of itself; POSTs are ``ChangingView``'s."""

    def get_override_parameters(self) -> list[Any]:
        return [*self._headers(), *self._query_words()]

    def _headers(self) -> Iterator[OpenApiParameter]:
        yield _header(REQUEST_ID, "Names this request in logs and audit.", response=True)
        if self.method == "POST":
            key = {"type": "string", "minLength": 1, "maxLength": KEY_LENGTH}
            yield _header(
                idempotency.HEADER,
                "A key of your own: a new one for each change, the same for each retry of it.",
                type=key | {"pattern": "^[ -~]+$"},
                required=True,
            )
            yield _header(
                idempotency.REPLAYED, "true: the answer to an earlier request.", response=_SUCCESSES
            )
            yield _header("Location", "The new resource.", response=[201, 202])
        if self._has_etag():
            if self._is_of_one():
                word = "If-None-Match" if self.method == "GET" else "If-Match"
                yield _header(word, "The ETag of the version you have.")
            yield _header("ETag", "The version; changes with every change.", response=_SUCCESSES)

    def _query_words(self) -> Iterator[OpenApiParameter | type[Serializer[Any]]]:
        filters: type[django_filters.FilterSet] | None = getattr(self.view, "filters", None)
        words: type[Serializer[Any]] | None = getattr(self.view, "words", None)
        if self.method == "GET" and words:
            yield words
        if self.method != "GET" or filters is None:
            return
        for name, word in filters.base_filters.items():
            yield OpenApiParameter(name, _type_of(word), **_choices_of(word))
        if not getattr(self.view, "is_paged", True):
            return
        limit = {"type": "integer", "minimum": 1, "maximum": MOST, "default": DEFAULT_LIMIT}
        yield OpenApiParameter("limit", limit, description="Most results of a page.")
        cursor = {"type": "string", "pattern": "^[A-Za-z0-9_-]+$"}
        yield OpenApiParameter("cursor", cursor, description="As next or previous give it.")

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        if self.method == "GET" and self._has_etag():
            bodies["304"] = {"description": "You have this version."}
        if self.method == "POST":
            for status in {"200", "201"} & bodies.keys():
                bodies[status] |= self._links()
        if hasattr(self.view, "needed"):
            bodies |= {str(status): self._problem(status) for status in self._problem_statuses()}
        return bodies

    def _links(self) -> dict[str, Any]:
        parameters = {"parameters": {"id": "$response.body#/id"}}
        links = {
            name: {"operationId": name} | parameters for name in getattr(self.view, "leads_to", ())
        }
        return {"links": links} if links else {}

    def _problem(self, status: int) -> dict[str, Any]:
        """A reference to the response that all operations share."""
        schema = self.resolve_serializer(ProblemDetails, "response").ref
        response = ResolvedComponent(
            f"Problem{status}",
            ResolvedComponent.RESPONSE,
            _problem_response(status, schema),
            status,
        )
        self.registry.register_on_missing(response)
        return response.ref

    def _problem_statuses(self) -> Iterator[int]:
        yield from _ALWAYS
        if self._is_of_one():
            yield 404
        if self.method == "POST":
            yield from _CHANGING
            if self._has_etag() and self._is_of_one():
                yield 412

    def _is_of_one(self) -> bool:
        return "{" in self.path

    def _has_etag(self) -> bool:
        return self.method in getattr(self.view, "has_etag", ())


_SUCCESSES = [200, 201, 202]


def _header(name: str, description: str, **options: Any) -> OpenApiParameter:
    schema = options.pop("type", str)
    return OpenApiParameter(
        name, schema, OpenApiParameter.HEADER, description=description, **options
    )


def _type_of(word: django_filters.Filter) -> Any:
    match word:
        case WholeNumberFilter():
            return {"type": "integer", "minimum": 0, "maximum": LARGEST_NUMBER}
        case django_filters.UUIDFilter():
            return OpenApiTypes.UUID
        case MomentFilter():
            return OpenApiTypes.DATETIME
        case AgeFilter():
            return {"type": "string", "pattern": "^[0-9]{1,4}[mhdw]$", "examples": ["2h"]}
        case YesNoFilter():
            return {"type": "string", "enum": ["true", "false"]}
    limit = word.extra.get("max_length")
    text = {"type": "string", "minLength": 1, "pattern": NOT_BLANK}
    return text | {"maxLength": limit} if limit else text


def schema_of_words(filters: type[django_filters.FilterSet]) -> dict[str, Any]:
    """The query words as the properties of a JSON object."""
    words = {name: _type_of(word) for name, word in filters.base_filters.items()}
    shown = {
        name: dict(kind if isinstance(kind, dict) else build_basic_type(kind) or {})
        for name, kind in words.items()
    }
    return {
        "type": "object",
        "properties": {name: {"minLength": 1} | kind for name, kind in shown.items()},
        "additionalProperties": False,
    }


def _choices_of(word: django_filters.Filter) -> dict[str, Any]:
    choices = word.extra.get("choices")
    return {"enum": [value for value, _ in choices]} if choices else {}


def _problem_response(status: int, problem: dict[str, Any]) -> dict[str, Any]:
    codes = [kind.code for kind in KINDS.values() if kind.status == status]
    response: dict[str, Any] = {
        "description": f"Refused: {', '.join(codes)}.",
        "content": {MEDIA_TYPE: {"schema": problem}},
    }
    if status in _PROBLEM_HEADERS:
        response["headers"] = {_PROBLEM_HEADERS[status]: {"schema": {"type": "string"}}}
    return response


class StrictBody(OpenApiSerializerExtension):
    """Fields that are not named are refused."""

    target_class = "processes.api.strict.StrictSerializer"
    match_subclasses = True

    def map_serializer(self, auto_schema: AutoSchema, direction: Any) -> dict[str, Any]:
        schema: dict[str, Any] = auto_schema._map_serializer(  # noqa: SLF001 - as its docs say
            self.target, direction, bypass_extensions=True
        )
        return schema | {"additionalProperties": False} | self.target.more_schema


class TextPattern(OpenApiSerializerFieldExtension):
    """What a text may consist of."""

    target_class = "processes.api.strict.Text"
    match_subclasses = True

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Any) -> dict[str, Any]:
        schema: dict[str, Any] = auto_schema._map_serializer_field(  # noqa: SLF001 - likewise
            self.target, direction, bypass_extensions=True
        )
        return schema | {"pattern": self.target.pattern}


class AnyObject(OpenApiSerializerFieldExtension):
    """One name for every JSON object, so that a generated client has one type for them."""

    target_class = "processes.api.strict.JsonObject"

    def get_name(self) -> str:
        return "JsonObject"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Any) -> dict[str, Any]:
        return {"type": "object", "additionalProperties": {}}


class ServiceTokenScheme(OpenApiAuthenticationExtension):
    target_class = "processes.api.auth.ServiceToken"
    name = "serviceToken"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        definition: dict[str, Any] = build_bearer_security_scheme_object(
            header_name="Authorization", token_prefix=self.target.authenticate_header("")
        )
        return definition
