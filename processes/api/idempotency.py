"""Once per ``Idempotency-Key``: the effect, and the answer to every request with the key."""

import re
from collections.abc import Callable
from typing import Any, NoReturn

from django.db import transaction
from django.http import HttpResponse
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from processes.api.problems import ApiError
from processes.idempotency import KEY_LENGTH, KeptAnswer, find_answer, hash_of, try_lock

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
_KEY = re.compile(rf"[\x20-\x7e]{{1,{KEY_LENGTH}}}")
_KEPT_HEADERS = ("Location", "ETag")
_NOT_KEPT = (401, 403, 429)
"""Who is refused by these has been told nothing of the request itself, and may try again."""


def once(
    request: Request,
    change: Callable[[], HttpResponse],
    answer_to: Callable[[Exception], HttpResponse],
    wait: Callable[[], None] | None = None,
) -> HttpResponse:
    """Run ``change`` and keep its answer; or answer as the first request with this key was.

    ``answer_to`` turns what ``change`` raises into an answer, or raises it again; then nothing
    is kept, so that the request may be tried again.  ``wait`` runs before the transaction
    begins, unless the answer is there already; what it raises counts as raised by ``change``.
    """
    user_id, key = user_id_of(request), key_of(request)
    request_hash = _hash_of(request)
    if wait:
        if kept := find_answer(user_id, key):
            return _replay(kept, request_hash)
        change = _after(wait, change)
    with transaction.atomic():
        if not try_lock(user_id, key):
            raise ApiError(
                "IDEMPOTENCY_KEY_RUNNING",
                "The first request with this Idempotency-Key has not been answered yet.",
            )
        if kept := find_answer(user_id, key):
            return _replay(kept, request_hash)
        try:
            with transaction.atomic():  # what the operation did before it was refused is undone
                response = change()
        except Exception as error:
            response = answer_to(error)
        if response.status_code not in _NOT_KEPT:
            _keep(request, key, request_hash, response)
        return response


def _hash_of(request: Request) -> bytes:
    precondition = request.headers.get("If-Match", "")
    told = (str(request.method), request.path, precondition)
    return hash_of(*(text.encode() for text in told), request.body)


def user_id_of(request: Request) -> Any:
    """Keys are each user's own; nobody changes anything without having one."""
    assert request.user.pk is not None
    return request.user.pk


def key_of(request: Request) -> str:
    key: str | None = request.headers.get(HEADER)
    if key is None:
        raise ApiError(
            "IDEMPOTENCY_KEY_MISSING",
            f"Every change needs an {HEADER} header, so that it can be retried safely.",
        )
    if not _KEY.fullmatch(key):
        raise ApiError(
            "IDEMPOTENCY_KEY_INVALID",
            f"{HEADER} must be 1 to {KEY_LENGTH} printable ASCII characters.",
        )
    return key


def _after(wait: Callable[[], None], change: Callable[[], HttpResponse]) -> Callable[..., Any]:
    try:
        wait()
    except Exception as error:
        refusal = error

        def refuse() -> NoReturn:
            raise refusal

        return refuse
    return change


def _keep(request: Request, key: str, request_hash: bytes, response: HttpResponse) -> None:
    if isinstance(response, Response):
        body, content_type = JSONRenderer().render(response.data), JSONRenderer.media_type
    else:
        body, content_type = response.content, response["Content-Type"]
    kept = {name: response[name] for name in _KEPT_HEADERS if name in response}
    KeptAnswer.objects.create(
        user_id=user_id_of(request),
        key=key,
        request_hash=request_hash,
        status=response.status_code,
        headers={"Content-Type": content_type} | kept,
        body=body.decode(),
    )


def _replay(kept: KeptAnswer, request_hash: bytes) -> HttpResponse:
    if bytes(kept.request_hash) != request_hash:
        raise ApiError(
            "IDEMPOTENCY_KEY_REUSED",
            "This Idempotency-Key was used for another method, path, If-Match or body.",
        )
    return HttpResponse(kept.body, status=kept.status, headers=kept.headers | {REPLAYED: "true"})
