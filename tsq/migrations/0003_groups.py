"""Groups to put people into: viewers see, operators resolve, supervisors decide the rest.

Groups and permissions that exist already are kept, whatever else they hold.
"""

from typing import Any

from django.contrib.auth.management import create_permissions
from django.contrib.contenttypes.management import create_contenttypes
from django.db import migrations

VIEWER = (
    "processes.view_process",
    "tsq.view_tsqentry",
    "tsq.view_stuckreply",
    "tsq.view_bulkoperation",
)
OPERATOR = (
    *VIEWER,
    "tsq.retry_tsqentry",
    "tsq.complete_tsqentry",
    "tsq.cancel_tsqentry",
    "tsq.claim_tsqentry",
    "tsq.handle_again_stuckreply",
    "processes.compensate_process",
)
SUPERVISOR = (
    *OPERATOR,
    "tsq.edit_tsqentry",
    "tsq.give_up_stuckreply",
    "processes.view_operatoraction",
    "tsq.view_notification",
    "tsq.retry_notification",
    "tsq.retry_notification",
    "tsq.view_notificationrule",
    "tsq.add_notificationrule",
    "tsq.change_notificationrule",
    "tsq.delete_notificationrule",
)
GROUPS = {
    "TSQ viewers": VIEWER,
    "TSQ operators": OPERATOR,
    "TSQ supervisors": SUPERVISOR,
}


def create_groups(apps: Any, schema_editor: Any) -> None:
    using = schema_editor.connection.alias
    _create_permissions(apps, using)
    permissions = apps.get_model("auth", "Permission").objects.using(using)
    groups = apps.get_model("auth", "Group").objects.using(using)
    for name, allowed in GROUPS.items():
        group, _ = groups.get_or_create(name=name)
        for permission in allowed:
            app_label, codename = permission.split(".")
            group.permissions.add(
                permissions.get(content_type__app_label=app_label, codename=codename)
            )


def remove_groups(apps: Any, schema_editor: Any) -> None:
    groups = apps.get_model("auth", "Group").objects.using(schema_editor.connection.alias)
    groups.filter(name__in=GROUPS).delete()


def _create_permissions(apps: Any, using: str) -> None:
    """Django creates them only after all migrations."""
    for label in ("processes", "tsq"):
        config = apps.get_app_config(label)
        config.models_module = True  # a stub of the migration, which lacks it
        create_contenttypes(config, verbosity=0, using=using, apps=apps)
        create_permissions(config, verbosity=0, using=using, apps=apps)


class Migration(migrations.Migration):
    dependencies = [
        ("tsq", "0002_bulk_schedule"),
        ("processes", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(create_groups, remove_groups)]
