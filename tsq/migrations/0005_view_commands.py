"""Lets all three groups see commands and workers; whatever else they hold is kept."""

from typing import Any

from django.contrib.auth.management import create_permissions
from django.contrib.contenttypes.management import create_contenttypes
from django.db import migrations

GROUPS = ("TSQ viewers", "TSQ operators", "TSQ supervisors")
ADDED = (("bus", "view_command"), ("processes", "view_workerheartbeat"))


def allow(apps: Any, schema_editor: Any) -> None:
    using = schema_editor.connection.alias
    for label, _ in ADDED:
        _create_permissions(apps, label, using)
    for group in _groups(apps, using):
        group.permissions.add(*_permissions(apps, using))


def disallow(apps: Any, schema_editor: Any) -> None:
    using = schema_editor.connection.alias
    for group in _groups(apps, using):
        group.permissions.remove(*_permissions(apps, using))


def _groups(apps: Any, using: str) -> Any:
    return apps.get_model("auth", "Group").objects.using(using).filter(name__in=GROUPS)


def _permissions(apps: Any, using: str) -> list[Any]:
    permissions = apps.get_model("auth", "Permission").objects.using(using)
    return [
        permissions.get(content_type__app_label=label, codename=codename)
        for label, codename in ADDED
    ]


def _create_permissions(apps: Any, label: str, using: str) -> None:
    """Django creates them only after all migrations."""
    config = apps.get_app_config(label)
    config.models_module = True  # a stub of the migration, which lacks it
    create_contenttypes(config, verbosity=0, using=using, apps=apps)
    create_permissions(config, verbosity=0, using=using, apps=apps)


class Migration(migrations.Migration):
    dependencies = [
        ("tsq", "0004_notification_schedule"),
        ("bus", "0002_command_lists"),
        ("processes", "0001_initial"),
    ]

    operations = [migrations.RunPython(allow, disallow)]
