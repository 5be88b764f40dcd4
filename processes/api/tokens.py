"""Service tokens: a service is a user whom nobody can log in as, with the groups people give it."""

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import transaction
from knox.models import AuthToken

from processes.bus.errors import CommandBusError, NotFound


class NotAService(CommandBusError):
    """No service can have this name, or a person has it."""

    code = "NOT_A_SERVICE"


def issue_token(name: str) -> str:
    """A new token, which is kept only as a hash; makes the user if there is none.

    Raises NotAService.
    """
    try:
        get_user_model()._meta.get_field("username").clean(name, None)
    except ValidationError as error:
        raise NotAService(f"No service can have the user name {name!r}: {error}") from None
    with transaction.atomic():
        user, created = get_user_model().objects.get_or_create(username=name)
        if created:
            user.set_unusable_password()
            user.save()
        if user.has_usable_password() or user.is_staff or user.is_superuser:
            raise NotAService(f"{name} is a person's account; give the service one of its own.")
        _, token = AuthToken.objects.create(user)
    return token


def revoke_tokens(name: str) -> int:
    """Delete the service's tokens; returns how many.  Raises NotFound."""
    if not get_user_model().objects.filter(username=name).exists():
        raise NotFound(f"There is no service {name}.")
    revoked, _ = AuthToken.objects.filter(user__username=name).delete()
    return revoked
