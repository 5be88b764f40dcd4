"""The console's way of showing things, for templates."""

from django import template

from processes.admin import display
from processes.drawing import duration

register = template.Library()
register.filter("age", display.age)
register.filter("duration", duration)
register.filter("date_and_time", display.date_and_time)
register.filter("pretty_json", display.pretty_json)
register.filter("status_badge", display.status_badge)
