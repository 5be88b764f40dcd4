"""The list of workers."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from processes.models import DomainLimit, WorkerHeartbeat
from tests.support.console import Console

pytestmark = pytest.mark.django_db

LIST = "processes_workerheartbeat_changelist"


def test_clusters_are_listed_with_whether_they_live(console):
    WorkerHeartbeat.objects.create(host="here", pid=17, workers=3)
    silent = Now() - timedelta(seconds=60)
    WorkerHeartbeat.objects.create(host="there", pid=18, workers=2, beat_at=silent)
    text = console.text(LIST)
    assert text.index("here") < text.index("Alive") < text.index("there") < text.index("Silent")
    assert "17" in text


def test_workers_are_of_no_domain_and_need_a_permission():
    WorkerHeartbeat.objects.create(host="here", pid=17, workers=3)
    limited = Console("processes.view_workerheartbeat")
    DomainLimit.objects.create(user_id=limited.client.session["_auth_user_id"], domain="mine")
    assert "here" in limited.text(LIST)
    assert Console("processes.view_process", username="eve").page(LIST).status_code == 403
    path = "/admin/processes/workerheartbeat/"
    limited.client.post(path, {"action": "delete_selected", "post": "yes"})
    assert WorkerHeartbeat.objects.exists()
