"""Has the workers gather and send notifications every minute."""

from typing import Any

from django.db import migrations

NAME = "notifications"


def create(apps: Any, schema_editor: Any) -> None:
    apps.get_model("django_q", "Schedule").objects.update_or_create(
        name=NAME,
        defaults={
            "func": "tsq.tasks_notifications.notify",
            "kwargs": "{'q_options': {'save': False}}",
            "schedule_type": "I",
            "minutes": 1,
        },
    )


def remove(apps: Any, schema_editor: Any) -> None:
    apps.get_model("django_q", "Schedule").objects.filter(name=NAME).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("tsq", "0003_groups"),
        ("django_q", "0019_alter_task_options_alter_ormq_key_alter_ormq_lock_and_more"),
    ]

    operations = [migrations.RunPython(create, remove)]
