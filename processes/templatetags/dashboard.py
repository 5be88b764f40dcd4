"""Lets a template show the dashboard to those who may see it."""

from typing import Any

from django import template

from processes.admin.dashboard import figures

register = template.Library()


@register.simple_tag(takes_context=True)
def dashboard_figures(context: dict[str, Any]) -> dict[str, Any] | None:
    """What the dashboard shows the person who asks; None if they may see nothing of it."""
    return figures(context["request"]).get("dashboard")
