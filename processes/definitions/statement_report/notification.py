"""The e-mail that tells a customer of a new statement."""

import uuid
from collections.abc import Mapping
from typing import Any

from django.core.mail import EmailMessage

CUSTOMERS = "customers.example"
TEXT = """\
Dear customer,

the statement of your account {account_id} from {period_from} to {period_to} is ready.

Closing balance: {closing_balance} CZK
Statement: {file}

Your bank
"""


def statement_mail(data: Mapping[str, Any], command_id: uuid.UUID) -> EmailMessage:
    """The same message, Message-ID included, however often the command is delivered."""
    text = TEXT.format(**data, closing_balance=data["summary"]["closing_balance"])
    return EmailMessage(
        subject=f"Statement of account {data['account_id']} up to {data['period_to']}",
        body=text,
        from_email="statements@bank.example",
        to=[f"account-{data['account_id']}@{CUSTOMERS}"],
        headers={"Message-ID": f"<{command_id}@bank.example>"},
    )
