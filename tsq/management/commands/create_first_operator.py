"""``manage.py create_first_operator``: a login for a site that nobody can log in to yet."""

import secrets
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand

USERNAME = "admin"


class Command(BaseCommand):
    help = "Creates an administrator with a random password, unless there are users already."

    def handle(self, *args: Any, **options: Any) -> None:
        users = get_user_model().objects
        if users.exists():
            return
        password = secrets.token_urlsafe(12)
        users.create_superuser(USERNAME, password=password)
        self.stdout.write(f"The login, shown only this once: {USERNAME}  {password}")
        self.stdout.write(f"Change it with: manage.py changepassword {USERNAME}")
