"""Which domains a person may see and touch, and which addresses are a service's own.

Every surface asks here, for rows and for actions.
"""

from typing import TYPE_CHECKING, Any, TypeVar

from django.db.models import Model, Q, QuerySet

from processes.bus.errors import CommandBusError
from processes.models import DomainLimit

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

Row = TypeVar("Row", bound=Model)

_REMEMBERED = "_commandbus_domains"


class OtherDomain(CommandBusError):
    """The person is limited to other domains."""

    code = "OTHER_DOMAIN"


class OtherAddress(CommandBusError):
    """The address for replies belongs to somebody else."""

    code = "OTHER_ADDRESS"


def domains_of(user: "AbstractBaseUser | AnonymousUser") -> frozenset[str] | None:
    """The domains this person is limited to; None for one who sees them all.

    Asked once for each ``user`` object, that is once in a request, like its permissions.
    """
    if getattr(user, "is_superuser", False):
        return None
    if not hasattr(user, _REMEMBERED):
        limits = DomainLimit.objects.filter(Q(user_id=user.pk) | Q(group__user=user.pk))
        setattr(user, _REMEMBERED, frozenset(limits.values_list("domain", flat=True)) or None)
    return getattr(user, _REMEMBERED)


def require_domain(user: "AbstractBaseUser | AnonymousUser", domain: str) -> None:
    """Raises OtherDomain, for who may not act in this one."""
    domains = domains_of(user)
    if domains is not None and domain not in domains:
        raise OtherDomain(f"You are limited to other domains than {domain!r}.")


def require_own_address(user: "AbstractBaseUser | AnonymousUser", reply_to: str) -> None:
    """Raises OtherAddress unless ``reply_to`` is the user's name, or begins with it and a slash."""
    own = user.get_username()
    if reply_to != own and not reply_to.startswith(f"{own}/"):
        raise OtherAddress(
            f"{reply_to!r} is not your address; yours are {own}, and {own}/ followed by anything."
        )


def visible_to(
    user: "AbstractBaseUser | AnonymousUser", rows: QuerySet[Row, Any], field: str = "domain"
) -> QuerySet[Row, Any]:
    """The rows of the domains this person may see; ``field`` is the path to their domain."""
    domains = domains_of(user)
    return rows if domains is None else rows.filter(**{f"{field}__in": domains})
