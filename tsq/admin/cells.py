"""Cells that the lists of entries and of stuck replies share."""

from datetime import datetime

from django.conf import settings
from django.utils import timezone
from django.utils.html import format_html

from processes.admin import display


def age_cell(moment: datetime | None) -> str:
    """How long ago, marked by the thresholds of ``COMMANDBUS_OLD_AFTER_SECONDS``."""
    if moment is None:
        return "-"
    seconds = (timezone.now() - moment).total_seconds()
    passed = sum(seconds >= limit for limit in settings.COMMANDBUS_OLD_AFTER_SECONDS)
    if not passed:
        return display.age(moment)
    mark = "old" if passed == 1 else "very-old"
    return format_html('<span class="age-{}">{}</span>', mark, display.age(moment))


def claim_cell(operator: str, since: datetime) -> str:
    """Who looks after it, and for how long."""
    return format_html('{}<br><span class="quiet">for {}</span>', operator, display.age(since))
