"""Has the workers remove every night what is old, if ``COMMANDBUS_KEEP_DAYS`` says so."""

from datetime import datetime, timedelta
from typing import Any

from django.db import migrations
from django.utils.timezone import now

NAME = "prune what is old"


def next_night() -> datetime:
    """Half past two, in the site's time zone."""
    return (now() + timedelta(days=1)).replace(hour=2, minute=30, second=0, microsecond=0)


def create(apps: Any, schema_editor: Any) -> None:
    apps.get_model("django_q", "Schedule").objects.update_or_create(
        name=NAME,
        defaults={
            "func": "processes.tasks.prune_old",
            "kwargs": "{'q_options': {'save': False}}",
            "schedule_type": "D",
            "next_run": next_night(),
        },
    )


def remove(apps: Any, schema_editor: Any) -> None:
    apps.get_model("django_q", "Schedule").objects.filter(name=NAME).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("processes", "0003_idempotency"),
        ("django_q", "0019_alter_task_options_alter_ormq_key_alter_ormq_lock_and_more"),
    ]

    operations = [migrations.RunPython(create, remove)]
