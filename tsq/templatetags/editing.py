"""Whether the button "Edit and retry" is offered."""

from django import template

from tsq.editing import is_editable

register = template.Library()
register.filter("is_editable", is_editable)
