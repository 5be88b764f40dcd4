"""ETag, If-None-Match, If-Match."""

import pytest
from django.db import connection, transaction

from processes.bus.models import Command
from processes.engine import compensate, lock_process
from processes.models import OperatorAction, Process
from processes.states import ProcessStatus
from processes.worker import run_until_idle
from tests.support.behaviours import business, permanent
from tests.support.service import PROCESSES, problem_of
from tests.support.sessions import in_other_session, wait_until
from tests.support.three_steps import PROCESS_TYPE
from tsq.operations import retry

OTHERS = ('"nonsense"', "nonsense", "", 'W/"1"', '"1", "2"')


@pytest.mark.django_db
class TestReading:
    def test_who_has_the_version_is_sent_nothing(self, service, failed):
        path = f"{PROCESSES}/{failed.id}"
        etag = service.get(path)["ETag"]
        assert etag.startswith('"')
        for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
            response = service.get(path, if_none_match=known)
            assert (response.status_code, response.content) == (304, b"")
            assert response["ETag"] == etag

    @pytest.mark.parametrize("other", OTHERS)
    def test_who_has_another_is_sent_it(self, service, failed, other):
        assert service.get(f"{PROCESSES}/{failed.id}", if_none_match=other).status_code == 200

    def test_each_change_makes_another_version(self, service, story):
        story.on("A", permanent())
        path = service.post(PROCESSES, {"process_type": PROCESS_TYPE, "data": {}})["Location"]
        seen = [service.get(path)["ETag"]]
        run_until_idle()  # parked
        seen.append(service.get(path)["ETag"])
        story.on("A", business())
        retry(Command.objects.get().id, operator="ann")
        run_until_idle()
        seen.append(service.get(path)["ETag"])
        service.post(f"{path}/compensate", {"reason": "x"})
        seen.append(service.get(path)["ETag"])
        assert len(set(seen)) == 4


@pytest.mark.django_db
class TestChanging:
    def path(self, process: Process) -> str:
        return f"{PROCESSES}/{process.id}/compensate"

    @pytest.mark.parametrize("other", OTHERS)
    def test_a_stale_version_changes_nothing(self, service, failed, other):
        response = service.post(self.path(failed), {"reason": "x"}, if_match=other)
        problem_of(response, 412, "PRECONDITION_FAILED")
        assert Process.objects.get(pk=failed.pk).status == ProcessStatus.FAILED
        assert not OperatorAction.objects.exists()

    @pytest.mark.parametrize("given", ["{}", '"other", {}', "*"])
    def test_the_version_that_was_seen_may_be_changed(self, service, failed, given):
        etag = service.get(f"{PROCESSES}/{failed.id}")["ETag"]
        response = service.post(self.path(failed), {"reason": "x"}, if_match=given.format(etag))
        assert response.status_code == 200

    def test_a_weak_version_does_not_match(self, service, failed):
        etag = service.get(f"{PROCESSES}/{failed.id}")["ETag"]
        response = service.post(self.path(failed), {"reason": "x"}, if_match=f"W/{etag}")
        problem_of(response, 412, "PRECONDITION_FAILED")


def somebody_waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
        (waits,) = cursor.fetchone()
    return waits


@pytest.mark.django_db(transaction=True)
def test_it_is_compared_under_the_lock(service, failed):
    """Whoever holds the row finishes first; what they made of it is what is compared."""
    path = f"{PROCESSES}/{failed.id}"
    etag = service.get(path)["ETag"]
    with transaction.atomic():
        lock_process(failed.id)
        second = in_other_session(
            lambda: service.post(f"{path}/compensate", {"reason": "second"}, if_match=etag)
        )
        wait_until(somebody_waits_for_a_lock)
        compensate(failed.id, operator="ann", reason="first")
    problem_of(second.result(10), 412, "PRECONDITION_FAILED")
    assert OperatorAction.objects.get().reason == "first"
