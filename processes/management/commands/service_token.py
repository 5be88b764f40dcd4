"""``manage.py service_token NAME``: a token for a service, or none any more."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from processes.api.tokens import issue_token, revoke_tokens
from processes.bus.errors import CommandBusError


class Command(BaseCommand):
    help = "Prints a new token for a service, making its user; or revokes all its tokens."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the service's user name")
        parser.add_argument("--revoke", action="store_true", help="delete all its tokens")

    def handle(self, *args: Any, name: str, revoke: bool, **options: Any) -> None:
        try:
            if revoke:
                self.stderr.write(f"Tokens of {name} revoked: {revoke_tokens(name)}.")
                return
            token = issue_token(name)
        except CommandBusError as error:
            raise CommandError(error.message) from None
        self.stderr.write("The token, shown only this once:")
        self.stdout.write(token)
