"""Cells that the lists of entries and of stuck replies share."""

import uuid

from django.urls import reverse
from django.utils.html import format_html

from processes.admin import display


def process_cell(process_id: uuid.UUID | None, process_type: str | None, status: str | None) -> str:
    """The process as a link, with its status."""
    if process_id is None:
        return "-"
    return format_html(
        '<a href="{}">{}</a><br>{}',
        reverse("admin:processes_process_change", args=[process_id]),
        display.named_id(process_type or "", process_id),
        display.status_badge(status or ""),
    )
