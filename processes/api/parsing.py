"""JSON comes in and JSON goes out."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from django.conf import settings
from rest_framework.exceptions import NotAcceptable, ParseError
from rest_framework.negotiation import BaseContentNegotiation, DefaultContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from processes.api.problems import ApiError


class JsonParser(BaseParser):
    """Reads UTF-8, whatever charset is claimed, and refuses what JSON does not have."""

    media_type = "application/json"

    def parse(
        self, stream: Any, media_type: str | None = None, context: Mapping[str, Any] | None = None
    ) -> Any:
        try:
            return json.loads(stream.read().decode("utf-8"), parse_constant=_refuse_constant)
        except UnicodeDecodeError as error:
            raise ParseError(f"The body is not UTF-8: {error.reason} at {error.start}.") from None
        except RecursionError:
            raise ParseError("The body is nested too deeply.") from None
        except ValueError as error:
            raise ParseError(f"The body is not JSON: {error}.") from None


class Negotiation(DefaultContentNegotiation):
    def select_renderer(
        self,
        request: Request,
        renderers: Iterable[BaseRenderer],
        format_suffix: str | None = None,
    ) -> tuple[BaseRenderer, str]:
        try:
            return super().select_renderer(request, renderers, format_suffix)
        except ValueError:
            raise NotAcceptable("The Accept header cannot be read.") from None


class IgnoreAccept(BaseContentNegotiation):
    """For a page that has one form only."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type


def read_body(request: Request) -> bytes:
    """All of it, before anything else reads from the stream; too large a body is not read."""
    most = settings.COMMANDBUS_API_MAX_BYTES
    if "chunked" in request.headers.get("Transfer-Encoding", "").lower():
        raise ApiError("LENGTH_REQUIRED", "Bodies of unknown length are not read.")
    try:
        length = int(request.headers.get("Content-Length") or 0)
    except ValueError:
        raise ApiError("MALFORMED_REQUEST", "Content-Length is not a number.") from None
    if length > most:
        raise ApiError("TOO_LARGE", f"The body has {length} bytes; at most {most} are taken.")
    return request.body


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON value")
