"""Who may see a bulk operation, and what its operator may still do while it runs."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.contrib.auth import get_user_model
from django.db.models import QuerySet

from processes.access import domains_of
from processes.states import Channel
from tsq.models import BulkOperation

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser, AbstractUser, AnonymousUser


def visible_operations(
    user: "AbstractBaseUser | AnonymousUser", operations: QuerySet[BulkOperation]
) -> QuerySet[BulkOperation]:
    """Those whose entries are all of domains this person may see."""
    domains = domains_of(user)
    if domains is None:
        return operations
    return operations.filter(domains__contained_by=sorted(domains))


def may(user: "AbstractUser | AnonymousUser", verb: str) -> bool:
    """Whether this person may do this to entries, to one or to many."""
    return user.has_perm(f"tsq.{verb}_tsqentry")


@dataclass(frozen=True, slots=True)
class Authority:
    """What the operator may do now; ``domains`` is None for all of them."""

    operator: str
    verb: str
    is_permitted: bool = True
    domains: frozenset[str] | None = None

    def refusal(self, domain: str) -> str:
        """Why an entry of this domain may not be touched; empty if it may."""
        if not self.is_permitted:
            return f"{self.operator} has no permission (any more) to {self.verb} TSQ entries."
        if self.domains is not None and domain not in self.domains:
            return f"{self.operator} may not act in the domain {domain} (any more)."
        return ""


def authority_of(operation: BulkOperation) -> Authority:
    """Asked anew for each chunk: permissions can be taken away while an operation runs."""
    if operation.channel not in (Channel.ADMIN, Channel.API):
        return Authority(operation.operator, operation.verb)
    users = get_user_model().objects
    name = {get_user_model().USERNAME_FIELD: operation.operator}
    user = users.filter(is_active=True, **name).first()
    return Authority(
        operation.operator,
        operation.verb,
        is_permitted=user is not None and may(user, operation.verb),
        domains=domains_of(user) if user else None,
    )
