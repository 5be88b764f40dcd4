"""What the API answered under an ``Idempotency-Key``, kept so that a retry gets the same answer.

Whoever answers holds the key's lock, does the work and keeps the answer in one transaction: a
crash between any two lines leaves neither.
"""

import hashlib
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection, models, transaction

from processes.bus.clock import BusNow

KEY_LENGTH = 255
CHUNK = 1000


class KeptAnswer(models.Model):
    """The answer to a request; ``request_hash`` is of all that asks for the effect."""

    id = models.BigAutoField(primary_key=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, db_index=False)
    key = models.CharField(max_length=KEY_LENGTH)
    request_hash = models.BinaryField(max_length=32)
    status = models.PositiveSmallIntegerField()
    headers = models.JSONField()
    body = models.TextField()
    created_at = models.DateTimeField(db_default=BusNow())

    class Meta:
        app_label = "processes"
        default_permissions = ()
        indexes = [models.Index("created_at", name="kept_answer_by_age")]
        constraints = [models.UniqueConstraint("user", "key", name="kept_answer_once_per_key")]

    def __str__(self) -> str:
        return f"{self.status} for {self.key}"


def hash_of(*parts: bytes) -> bytes:
    """Each part counts with its length, so that no two lists of parts look alike."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.digest()


def try_lock(user_id: Any, key: str) -> bool:
    """Hold the user's key until the transaction ends; False if somebody else holds it.

    What its last holder kept is seen only by statements that begin after this one.
    """
    assert connection.in_atomic_block
    number = hash_of(b"idempotency", str(user_id).encode(), key.encode())[:8]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_try_advisory_xact_lock(%s)", [int.from_bytes(number, "big", signed=True)]
        )
        (got,) = cursor.fetchone()
    return got


def find_answer(user_id: Any, key: str) -> KeptAnswer | None:
    return KeptAnswer.objects.filter(user_id=user_id, key=key).first()


def forget_old_requests(before: datetime) -> int:
    """Delete the answers kept before that moment, in chunks; returns how many."""
    forgotten = 0
    old = KeptAnswer.objects.filter(created_at__lt=before).order_by("created_at")
    while True:
        with transaction.atomic():
            ids = list(old.select_for_update(skip_locked=True).values_list("id", flat=True)[:CHUNK])
            KeptAnswer.objects.filter(id__in=ids).delete()
        if not ids:
            return forgotten
        forgotten += len(ids)
