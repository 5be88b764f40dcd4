"""Who calls, and what they may do; in which domains, ``processes.access`` says."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from knox.auth import TokenAuthentication
from knox.crypto import hash_token
from knox.models import AuthToken
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

if TYPE_CHECKING:
    from rest_framework.views import APIView


class ServiceToken(TokenAuthentication):
    """``Authorization: Token ...``, found by its hash in one query; nothing is written."""

    def authenticate_credentials(self, token: bytes) -> tuple[Any, AuthToken]:
        digest = hash_token(token.decode("utf-8", "replace"))
        found = AuthToken.objects.select_related("user").filter(digest=digest).first()
        if found is None or (found.expiry and found.expiry < timezone.now()):
            raise AuthenticationFailed("The token is unknown or has expired.")
        return self.validate_user(found)


class HasPermission(BasePermission):
    """``view.needed`` names the permissions of each method."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        needed: dict[str, Sequence[str]] = view.needed  # type: ignore[attr-defined]
        method = "GET" if request.method == "HEAD" else str(request.method)
        # A method that is not named is refused next.
        return request.user.is_authenticated and request.user.has_perms(needed.get(method, ()))
