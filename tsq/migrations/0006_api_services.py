"""A group to put services into: they start, send, execute, and see what became of it.

Resolving, compensating, and the metrics are not theirs: a service that shall do so is put into a
group of people as well, or given the permission, on purpose.  The groups of people, in turn, get
nothing of this: they deal with work that is there, and begin none.

A group of this name that exists already is kept, whatever else it holds.
"""

from typing import Any

from django.contrib.auth.management import create_permissions
from django.contrib.contenttypes.management import create_contenttypes
from django.db import migrations

NAME = "API services"
SERVICE = (
    "processes.view_process",
    "processes.start_process",
    "bus.view_command",
    "bus.send_command",
    "bus.execute_command",
    "tsq.view_tsqentry",
)


def create_group(apps: Any, schema_editor: Any) -> None:
    using = schema_editor.connection.alias
    _create_permissions(apps, using)
    permissions = apps.get_model("auth", "Permission").objects.using(using)
    group, _ = apps.get_model("auth", "Group").objects.using(using).get_or_create(name=NAME)
    for name in SERVICE:
        label, codename = name.split(".")
        group.permissions.add(permissions.get(content_type__app_label=label, codename=codename))


def remove_group(apps: Any, schema_editor: Any) -> None:
    using = schema_editor.connection.alias
    apps.get_model("auth", "Group").objects.using(using).filter(name=NAME).delete()


def _create_permissions(apps: Any, using: str) -> None:
    """Django creates them only after all migrations."""
    for label in ("bus", "processes", "tsq"):
        config = apps.get_app_config(label)
        config.models_module = True  # a stub of the migration, which lacks it
        create_contenttypes(config, verbosity=0, using=using, apps=apps)
        create_permissions(config, verbosity=0, using=using, apps=apps)


class Migration(migrations.Migration):
    dependencies = [
        ("tsq", "0005_view_commands"),
        ("bus", "0003_external_inbox_measures"),
        ("processes", "0005_metrics_permission"),
    ]

    operations = [migrations.RunPython(create_group, remove_group)]
