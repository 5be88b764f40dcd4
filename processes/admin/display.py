"""How ages, JSON and statuses look, in lists and pages alike."""

import json
import uuid
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.timesince import timesince

MOST_JSON_CHARACTERS = 200_000
LIST_MESSAGE_CHARACTERS = 120


def age(moment: datetime | None) -> str:
    """How long ago, with the exact time on hovering."""
    if moment is None:
        return "-"
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        moment.isoformat(),
        f"{moment:%Y-%m-%d %H:%M:%S %Z}",
        timesince(moment, depth=1).replace("\xa0", " "),  # may wrap in a narrow column
    )


def date_and_time(moment: datetime | None) -> str:
    """On two short lines, for narrow columns."""
    if moment is None:
        return "-"
    return format_html(
        '<span class="nowrap">{}<br>{}</span>', f"{moment:%Y-%m-%d}", f"{moment:%H:%M:%S}"
    )


def pretty_json(value: Any) -> str:
    """Indented JSON, to be escaped like any text; a huge one is cut."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    hidden = len(text) - MOST_JSON_CHARACTERS
    return text if hidden <= 0 else f"{text[:MOST_JSON_CHARACTERS]}\n… {hidden} more characters"


def status_badge(status: str) -> SafeString:
    """A status in words, coloured by what it means."""
    words = status.replace("TROUBLESHOOTING_QUEUE", "TSQ").replace("_", " ")
    words = words.capitalize().replace("tsq", "TSQ")
    return format_html('<span class="badge badge-{}">{}</span>', status.lower(), words)


def error_cell(code: str, message: str) -> str:
    """An error in a list: its code, and as much of the message as a line holds."""
    if not code:
        return ""
    return format_html(
        '<strong>{}</strong><br><span class="quiet">{}</span>',
        code,
        Truncator(message).chars(LIST_MESSAGE_CHARACTERS),
    )


def named_id(name: str, identity: object) -> str:
    """A type with the beginning of the id; the whole id on hovering."""
    return format_html(
        '{} <code class="quiet" title="{}">{}</code>', name, identity, str(identity)[:8]
    )


def process_cell(process_id: uuid.UUID | None, process_type: str | None, status: str | None) -> str:
    """A process in a list: its page as a link, with its status."""
    if process_id is None:
        return "-"
    return format_html(
        '<a href="{}">{}</a><br>{}',
        reverse("admin:processes_process_change", args=[process_id]),
        named_id(process_type or "", process_id),
        status_badge(status or ""),
    )


def attempts_cell(attempts: int, most: int) -> str:
    return format_html('<span class="nowrap">{} of {}</span>', attempts, most)
