"""Has the workers look every minute for bulk operations whose worker died."""

from typing import Any

from django.db import migrations

NAME = "bulk operations"


def create(apps: Any, schema_editor: Any) -> None:
    apps.get_model("django_q", "Schedule").objects.update_or_create(
        name=NAME,
        defaults={
            "func": "tsq.tasks.look_after_bulk_operations",
            "kwargs": "{'q_options': {'save': False}}",
            "schedule_type": "I",
            "minutes": 1,
        },
    )


def remove(apps: Any, schema_editor: Any) -> None:
    apps.get_model("django_q", "Schedule").objects.filter(name=NAME).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("tsq", "0001_initial"),
        ("django_q", "0019_alter_task_options_alter_ormq_key_alter_ormq_lock_and_more"),
    ]

    operations = [migrations.RunPython(create, remove)]
