"""An operator at the console: logged in, with exactly the permissions a test gives."""

import importlib
from typing import Any

from django.apps import apps
from django.contrib.auth.models import Permission, User
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.urls import reverse

VIEW_ALL = (
    "tsq.view_tsqentry",
    "tsq.view_stuckreply",
    "tsq.view_bulkoperation",
    "processes.view_process",
    "bus.view_command",
    "processes.view_workerheartbeat",
)
EVERYTHING = (
    *VIEW_ALL,
    "tsq.retry_tsqentry",
    "tsq.complete_tsqentry",
    "tsq.cancel_tsqentry",
    "tsq.handle_again_stuckreply",
    "tsq.give_up_stuckreply",
    "processes.compensate_process",
)


class Schema:
    """What a migration's function is given, as far as it is needed."""

    connection = connection


def create_groups() -> None:
    """As the migrations do, whose rows the tests' database forgets."""
    importlib.import_module("tsq.migrations.0003_groups").create_groups(apps, Schema)
    importlib.import_module("tsq.migrations.0005_view_commands").allow(apps, Schema)


class Console:
    """``page`` and ``submit`` name admin pages, as in ``"tsq_tsqentry_change"``."""

    def __init__(self, *permissions: str, username: str = "ann") -> None:
        self.client = Client()
        user = User.objects.create_user(username, is_staff=True)
        user.user_permissions.set([_permission(name) for name in permissions])
        self.client.force_login(user)

    def page(self, name: str, *args: Any, **query: Any) -> Any:
        return self.client.get(_url(name, args), query)

    def submit(self, name: str, *args: Any, **data: Any) -> Any:
        return self.client.post(_url(name, args), data)

    def text(self, name: str, *args: Any, **query: Any) -> str:
        response = self.page(name, *args, **query)
        assert response.status_code == 200
        return response.content.decode()


def told(response: Any) -> list[str]:
    """The messages a response leaves for the operator."""
    return [str(message) for message in get_messages(response.wsgi_request)]


def _permission(name: str) -> Permission:
    app_label, codename = name.split(".")
    return Permission.objects.get(content_type__app_label=app_label, codename=codename)


def _url(name: str, args: tuple[Any, ...]) -> str:
    return reverse(f"admin:{name}", args=args)
