"""Whatever is refused, as problem details (RFC 9457)."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.http import Http404, HttpResponse
from rest_framework import exceptions, serializers
from rest_framework.renderers import JSONRenderer

from processes.api.kinds import Kind, kind_of
from processes.bus.errors import CommandBusError, MovedOn
from processes.bus.fitness import fit_text
from processes.filters import InvalidFilter
from processes.requests import request_id_of

MEDIA_TYPE = "application/problem+json"
MOST_ERRORS = 100
MOST_TEXT = 1000

_CODES: dict[type[Exception], str] = {
    exceptions.ParseError: "MALFORMED_REQUEST",
    exceptions.ValidationError: "INVALID_REQUEST",
    exceptions.NotAuthenticated: "NOT_AUTHENTICATED",
    exceptions.AuthenticationFailed: "AUTHENTICATION_FAILED",
    exceptions.PermissionDenied: "PERMISSION_DENIED",
    DjangoPermissionDenied: "PERMISSION_DENIED",
    exceptions.NotFound: "NOT_FOUND",
    Http404: "NOT_FOUND",
    exceptions.MethodNotAllowed: "METHOD_NOT_ALLOWED",
    exceptions.NotAcceptable: "NOT_ACCEPTABLE",
    exceptions.UnsupportedMediaType: "UNSUPPORTED_MEDIA_TYPE",
    exceptions.Throttled: "THROTTLED",
}


class ApiError(CommandBusError):
    """Refused by the API itself; ``code`` names its kind."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Fault(serializers.Serializer[Any]):
    field = serializers.CharField(
        help_text="JSON pointer into the body, or the name of a query parameter."
    )
    message = serializers.CharField()


class ProblemDetails(serializers.Serializer[Any]):
    """Why a request was refused, as RFC 9457 has it."""

    type = serializers.CharField(help_text="Stable; answers GET with what to do about it.")
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField(help_text="The same as type, for programs.")
    detail = serializers.CharField()
    instance = serializers.CharField(help_text="Names the request, by its X-Request-ID.")
    errors = Fault(many=True, required=False)  # type: ignore[assignment] # the RFC's word
    state = serializers.CharField(required=False, help_text="What it is now, if it moved on.")
    actor = serializers.CharField(required=False, allow_null=True, help_text="Who moved it on.")
    action = serializers.CharField(required=False, allow_null=True, help_text="How.")
    at = serializers.DateTimeField(required=False, allow_null=True, help_text="When.")


def answer_to(error: Exception, context: dict[str, Any]) -> HttpResponse | None:
    """REST framework's exception handler; None for what nobody foresaw."""
    if _code_of(error) is None:
        return None
    return response_of(problem_about(error, context["request"]), _headers(error))


def response_of(problem: dict[str, Any], headers: dict[str, str] | None = None) -> HttpResponse:
    """Rendered here, for a problem is JSON whatever the view would have answered."""
    body = JSONRenderer().render(problem)
    return HttpResponse(body, MEDIA_TYPE, problem["status"], headers=headers)


def problem_about(error: Exception, request: Any) -> dict[str, Any]:
    """``error`` is one that ``answer_to`` answers."""
    problem = problem_of(kind_of(_code_of(error) or ""), _detail(error), request)
    if errors := list(_errors(error))[:MOST_ERRORS]:
        problem["errors"] = errors
    if isinstance(error, MovedOn):
        problem |= {
            "state": error.state,
            "actor": error.actor or None,
            "action": error.action or None,
            "at": error.at,
        }
    return problem


def problem_of(kind: Kind, detail: str, request: Any) -> dict[str, Any]:
    """``request`` is any kind of request; its id tells this problem from others of its kind."""
    return {
        "type": kind.type,
        "title": kind.title,
        "status": kind.status,
        "code": kind.code,
        "detail": fit_text(detail, MOST_TEXT),
        "instance": f"urn:request:{quote(request_id_of(request), safe='')}",
    }


def _code_of(error: Exception) -> str | None:
    if isinstance(error, CommandBusError):
        return error.code
    return next((_CODES[base] for base in type(error).__mro__ if base in _CODES), None)


def _detail(error: Exception) -> str:
    if isinstance(error, CommandBusError):
        return error.message
    if isinstance(error, exceptions.ValidationError):
        return " ".join(f"{e['field'] or 'body'}: {e['message']}" for e in _errors(error))
    if isinstance(error, Http404 | exceptions.NotFound):
        return "There is nothing here that you may see."
    return str(error)


def _errors(error: Exception) -> Iterator[dict[str, str]]:
    """Each fault with its place: a JSON pointer into the body, or a query parameter's name."""
    if isinstance(error, InvalidFilter):
        for word, messages in error.errors.items():
            yield _fault(word, " ".join(messages))
    elif isinstance(error, exceptions.ValidationError):
        yield from _faults("", error.detail)


def _faults(pointer: str, detail: Any) -> Iterator[dict[str, str]]:
    if isinstance(detail, dict):
        for key, inner in detail.items():
            own = key == "non_field_errors"
            token = str(key).replace("~", "~0").replace("/", "~1")
            yield from _faults(pointer if own else f"{pointer}/{token}", inner)
    elif isinstance(detail, list):
        for index, inner in enumerate(detail):
            nested = isinstance(inner, dict | list)
            yield from _faults(f"{pointer}/{index}" if nested else pointer, inner)
    else:
        yield _fault(pointer, str(detail))


def _fault(field: str, message: str) -> dict[str, str]:
    return {"field": fit_text(field, MOST_TEXT), "message": fit_text(message, MOST_TEXT)}


def _headers(error: Exception) -> dict[str, str]:
    headers = {}
    if auth_header := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = auth_header
    if isinstance(error, exceptions.Throttled):
        headers["Retry-After"] = str(getattr(error, "wait", None) or 1)
    return headers
