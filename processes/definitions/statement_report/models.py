"""The ledger (accounts and their transactions) and the index of statements made from it."""

from django.db import models

MONEY_DIGITS = 14  # 12 before the point: the columns, and what ``loading`` accepts


class Direction(models.TextChoices):
    CREDIT = "CREDIT"
    DEBIT = "DEBIT"


class Operation(models.TextChoices):
    """How money moved; empty where the ledger does not say."""

    CASH_DEPOSIT = "CASH_DEPOSIT"
    CASH_WITHDRAWAL = "CASH_WITHDRAWAL"
    CARD_WITHDRAWAL = "CARD_WITHDRAWAL"
    INCOMING_TRANSFER = "INCOMING_TRANSFER"
    OUTGOING_TRANSFER = "OUTGOING_TRANSFER"


class Purpose(models.TextChoices):
    """What money was for; empty where the ledger does not say."""

    INTEREST = "INTEREST"
    STATEMENT_FEE = "STATEMENT_FEE"
    HOUSEHOLD = "HOUSEHOLD"
    INSURANCE = "INSURANCE"
    PENSION = "PENSION"
    LOAN = "LOAN"
    OVERDRAFT_INTEREST = "OVERDRAFT_INTEREST"


class Format(models.TextChoices):
    HTML = "HTML"
    CSV = "CSV"


class Account(models.Model):
    account_id = models.BigIntegerField(primary_key=True)

    def __str__(self) -> str:
        return f"account {self.account_id}"


class Transaction(models.Model):
    """One line of the ledger.  ``balance`` is the bank's own figure, kept as it came."""

    transaction_id = models.BigIntegerField(primary_key=True)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, db_index=False)
    date = models.DateField()
    direction = models.CharField(max_length=6, choices=Direction)
    operation = models.CharField(max_length=20, choices=Operation, blank=True)
    purpose = models.CharField(max_length=20, choices=Purpose, blank=True)
    amount = models.DecimalField(max_digits=MONEY_DIGITS, decimal_places=2)
    balance = models.DecimalField(max_digits=MONEY_DIGITS, decimal_places=2)

    class Meta:
        indexes = (models.Index(fields=("account", "date", "transaction_id"), name="ledger_order"),)
        constraints = (
            models.CheckConstraint(condition=models.Q(amount__gt=0), name="amount_positive"),
            models.CheckConstraint(
                condition=models.Q(direction__in=Direction.values), name="direction_known"
            ),
            models.CheckConstraint(
                condition=models.Q(operation__in=("", *Operation.values)), name="operation_known"
            ),
            models.CheckConstraint(
                condition=models.Q(purpose__in=("", *Purpose.values)), name="purpose_known"
            ),
        )

    def __str__(self) -> str:
        return f"transaction {self.transaction_id}"


class Statement(models.Model):
    """An entry in an account's index of statements; a process makes at most one."""

    process_id = models.UUIDField(unique=True)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="statements")
    period_from = models.DateField()
    period_to = models.DateField()
    format = models.CharField(max_length=4, choices=Format)
    file = models.CharField(max_length=200)
    closing_balance = models.DecimalField(max_digits=MONEY_DIGITS + 4, decimal_places=2)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.file


class EndedOutage(models.Model):
    """The cause of injected failures (see ``chaos``) is gone: those of this name stop."""

    name = models.CharField(max_length=100, primary_key=True)

    def __str__(self) -> str:
        return self.name
