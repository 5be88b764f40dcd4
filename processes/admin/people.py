"""Who is limited to which domains; and what has no place in the console."""

from typing import TYPE_CHECKING, Any

import django_q.admin  # noqa: F401 - registers what is taken away below
import knox.admin  # noqa: F401 - likewise
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.forms import ModelForm
from django.http import HttpRequest
from django_q.models import Failure, OrmQ, Schedule, Success
from knox.models import AuthToken

from processes.access import domains_of
from processes.models import DomainLimit

if TYPE_CHECKING:
    LimitForm = ModelForm[DomainLimit]
    ModelAdmin = admin.ModelAdmin[DomainLimit]
else:
    LimitForm, ModelAdmin = ModelForm, admin.ModelAdmin

# Their lists count whole tables, and who may add a schedule may run any function.
admin.site.unregister([Failure, OrmQ, Schedule, Success])
# Who may add a token may act as anybody: manage.py service_token makes them.
admin.site.unregister(AuthToken)


class DomainLimitForm(LimitForm):
    class Meta:
        model = DomainLimit
        fields = ("user", "group", "domain")

    def clean(self) -> dict[str, Any]:
        answers = super().clean() or {}
        user, group = answers.get("user"), answers.get("group")
        if not self.errors and bool(user) == bool(group):
            raise ValidationError("Choose either a user or a group.")
        same = DomainLimit.objects.filter(user=user, group=group, domain=answers.get("domain"))
        if same.exclude(pk=self.instance.pk).exists():
            raise ValidationError("This limit is set already.")
        return answers


@admin.register(DomainLimit)
class DomainLimitAdmin(ModelAdmin):
    """For those with the permission; who is limited sets no limits."""

    form = DomainLimitForm
    list_display = ("__str__", "user", "group", "domain")
    list_select_related = ("user", "group")
    show_full_result_count = False
    search_fields = ("user__username", "group__name", "domain")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_view_permission(request, obj) and _is_unlimited(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and _is_unlimited(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and _is_unlimited(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and _is_unlimited(request)


def _is_unlimited(request: HttpRequest) -> bool:
    return domains_of(request.user) is None
