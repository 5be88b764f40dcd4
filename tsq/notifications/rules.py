"""Writing rules: each change is kept in the audit, without what may hold a secret."""

from typing import Any

from django.db import transaction

from processes.audit import Operator, Subject, record_action_above
from processes.states import OperatorVerb, SubjectKind
from tsq.models import NotificationRule
from tsq.models.notifications import shown_url


@transaction.atomic
def save_rule(rule: NotificationRule, changed: list[str], by: Operator) -> None:
    """Add or change a rule that was checked; ``changed`` names the fields that were written."""
    before = _stored(rule)
    rule.save()
    verb = OperatorVerb.CHANGE if before else OperatorVerb.ADD
    after = _told(rule) | {"written": sorted(changed)}
    record_action_above(verb, by, "", before, after, _subject(rule))


@transaction.atomic
def delete_rule(rule: NotificationRule, by: Operator) -> None:
    """With its notifications."""
    subject, before = _subject(rule), _stored(rule)
    rule.delete()
    record_action_above(OperatorVerb.DELETE, by, "", before, {}, subject)


def _stored(rule: NotificationRule) -> dict[str, Any]:
    stored = NotificationRule.objects.select_for_update().filter(pk=rule.pk).first()
    return _told(stored) if stored else {}


def _subject(rule: NotificationRule) -> Subject:
    return Subject(SubjectKind.NOTIFICATION_RULE, rule.pk, rule.domain)


def _told(rule: NotificationRule) -> dict[str, Any]:
    """What an audit row keeps of a rule: neither the secret nor the webhook's whole address."""
    return {
        "domain": rule.domain,
        "emails": rule.addresses,
        "webhook": shown_url(rule.webhook_url) if rule.webhook_url else "",
        "every_minutes": rule.every_minutes,
        "enabled": rule.enabled,
    }
