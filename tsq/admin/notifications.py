"""Notifications: the rules, and what became of each message."""

import uuid
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, reverse
from django.utils.html import format_html
from django.utils.text import Truncator
from django.views.decorators.http import require_POST

from processes.access import domains_of, visible_to
from processes.admin import display
from processes.admin.filters import KnownValueFilter
from processes.admin.readonly import BoundedPaginator, ReadOnlyAdmin
from processes.admin.requests import acting, operator_of
from processes.bus.errors import CommandBusError
from tsq.models import Notification, NotificationRule
from tsq.models.notifications import NotificationKind, NotificationStatus
from tsq.notifications.forms import RuleForm
from tsq.notifications.rules import delete_rule, save_rule
from tsq.notifications.sending import retry_now

if TYPE_CHECKING:
    from typing import TypedDict

    from django_stubs_ext import WithAnnotations

    class Failing(TypedDict):
        has_failed: bool

    RuleAdmin = admin.ModelAdmin[NotificationRule]
    ListedRule = WithAnnotations[NotificationRule, Failing]
else:
    RuleAdmin = admin.ModelAdmin


WRITABLE = ("domain", "emails", "webhook_url", "new_secret", "every_minutes", "enabled")


@admin.register(NotificationRule)
class NotificationRuleAdmin(RuleAdmin):
    form = RuleForm
    list_display = ("domain", "recipients", "every_minutes", "enabled", "deliveries")
    sortable_by = ()
    actions = None
    paginator = BoundedPaginator
    show_full_result_count = False
    change_list_template = "console/change_list.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[NotificationRule]:
        failed = Notification.objects.filter(rule=OuterRef("pk"), status=NotificationStatus.FAILED)
        rules = super().get_queryset(request).annotate(has_failed=Exists(failed))
        return visible_to(request.user, rules)

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        form: Any = super().get_form(request, *args, **kwargs)
        form.allowed_domains = domains_of(request.user)
        return form

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """One who may only look sees neither the secret's field nor the webhook's address."""
        if obj is None or self.has_change_permission(request, obj):
            return WRITABLE
        return ("domain", "recipients", "every_minutes", "enabled")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """A rule stays in its domain, for people of that domain alone may see what it told."""
        return ("domain",) if obj else ()

    def save_model(
        self, request: HttpRequest, obj: NotificationRule, form: Any, change: bool
    ) -> None:
        save_rule(obj, form.changed_data, operator_of(request))

    def delete_model(self, request: HttpRequest, obj: NotificationRule) -> None:
        delete_rule(obj, operator_of(request))

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Nothing can be asked by URL: the answers would tell of the secret."""
        return False

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """Its notifications go with it; nobody else may delete them, and there may be many."""
        rules = [str(rule) for rule in objs]
        allowed = self.has_delete_permission(request)
        needed = set() if allowed else {str(self.opts.verbose_name)}
        return rules, {str(self.opts.verbose_name_plural): len(rules)}, needed, []

    @admin.display(description="tells")
    def recipients(self, rule: NotificationRule) -> str:
        return str(rule).removeprefix(f"{rule.domain}: ")

    @admin.display(description="deliveries")
    def deliveries(self, rule: "ListedRule") -> str:
        if not rule.has_failed:
            return "-"
        url = f"{reverse('admin:tsq_notification_changelist')}?status={NotificationStatus.FAILED}"
        return format_html('<a href="{}">some failed</a>', url)


class StatusFilter(KnownValueFilter):
    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(status.value, str(status.label)) for status in NotificationStatus]


class KindFilter(KnownValueFilter):
    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(kind.value, str(kind.label)) for kind in NotificationKind]


@admin.register(Notification)
class NotificationAdmin(ReadOnlyAdmin):
    domain_path = "rule__domain"
    list_display = ("told", "recipient_shown", "standing", "tries", "problem", "age")
    list_filter = (StatusFilter, KindFilter)
    list_select_related = ("rule",)
    ordering = ("-created_at", "id")
    sortable_by = ()

    @admin.display(description="notification")
    def told(self, notification: Notification) -> str:
        payload = notification.payload
        title = f"{payload['domain']}: {payload['count']} in {payload['command_type']}"
        return display.error_cell(title, payload["error_code"])

    @admin.display(description="to")
    def recipient_shown(self, notification: Notification) -> str:
        return notification.shown_recipient

    @admin.display(description="status")
    def standing(self, notification: Notification) -> str:
        return display.status_badge(notification.status)

    @admin.display(description="last error")
    def problem(self, notification: Notification) -> str:
        return Truncator(notification.last_error).chars(display.LIST_MESSAGE_CHARACTERS) or "-"

    @admin.display(description="age")
    def age(self, notification: Notification) -> str:
        return display.age(notification.created_at)

    def get_urls(self) -> list[URLPattern]:
        retry = self.url("<uuid:pk>/retry/", require_POST(self.retry), "retry")
        return [*super().get_urls(), retry]

    def may_retry(self, request: HttpRequest) -> bool:
        return request.user.has_perm("tsq.retry_notification")

    def page(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        self.require_view_permission(request)
        notification = get_object_or_404(self.get_queryset(request), pk=pk)
        is_waiting = notification.status in (NotificationStatus.PENDING, NotificationStatus.FAILED)
        return self.render(
            request,
            "tsq/notification.html",
            str(notification),
            notification=notification,
            may_retry=is_waiting and self.may_retry(request),
        )

    def retry(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        self.require_view_permission(request)
        if not self.may_retry(request):
            raise PermissionDenied
        notification = get_object_or_404(self.get_queryset(request), pk=pk)
        try:
            retry_now(notification.pk, **acting(request))
        except CommandBusError as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, "The next worker to look, within a minute, tries it again.")
        return redirect("admin:tsq_notification_change", pk)
