"""What the site has without being told: a secret key, a first login, error pages, a log."""

import logging
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import OperationalError, connection

from commandbus_site import embedded_postgres
from commandbus_site.embedded_postgres.errors import EmbeddedPostgresError
from commandbus_site.logs import OneLineFormatter
from commandbus_site.secret_key import secret_key


def test_a_secret_key_is_made_once_however_many_ask_for_it(tmp_path):
    path = tmp_path / "var" / "secret_key"
    with ThreadPoolExecutor(16) as pool:
        keys = set(pool.map(secret_key, [path] * 16))

    assert len(keys) == 1
    assert len(keys.pop()) >= 50
    assert list(path.parent.iterdir()) == [path]


def test_only_its_owner_reads_the_secret_key(tmp_path):
    path = tmp_path / "secret_key"
    secret_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_system_checks_do_not_start_the_embedded_database(monkeypatch):
    def refuse() -> None:
        raise AssertionError("started")

    monkeypatch.setattr(embedded_postgres.server, "ensure_running", refuse)
    call_command("check")


def test_a_database_that_cannot_be_started_is_an_operational_error(monkeypatch):
    def fail() -> None:
        raise EmbeddedPostgresError("the disk is full")

    if connection.settings_dict["ENGINE"] != "commandbus_site.embedded_postgres":
        pytest.skip("the tests run on a database of their own")
    monkeypatch.setattr(embedded_postgres, "ensure_running", fail)
    with pytest.raises(OperationalError, match="the disk is full"):
        connection.get_connection_params()


@pytest.mark.django_db
def test_the_first_login_is_printed_once_and_works(client, capsys):
    call_command("create_first_operator")
    printed = capsys.readouterr().out
    username, password = printed.splitlines()[0].split(": ")[1].split()
    call_command("create_first_operator")

    assert capsys.readouterr().out == ""
    assert client.login(username=username, password=password)
    assert client.get("/", follow=True, secure=True).request["PATH_INFO"] == "/admin/"


@pytest.mark.urls("tests.site.urls")
@pytest.mark.parametrize(
    ("path", "status", "told"),
    [
        ("/bad-request/", 400, "cannot be understood"),
        ("/forbidden/", 403, "You may not do this"),
        ("/no-such-page/", 404, "There is no such page"),
        ("/broken/", 500, "Something went wrong here"),
    ],
)
def test_an_error_page_tells_no_detail(client, path, status, told):
    client.raise_request_exception = False
    response = client.get(path, secure=True)
    assert response.status_code == status
    assert told in response.text
    assert "detail" not in response.text


@pytest.mark.django_db
def test_the_admins_way_to_the_site_leads_nowhere_and_breaks_nothing(admin_client, settings):
    settings.SECURE_SSL_REDIRECT = False
    command_type = ContentType.objects.get(app_label="bus", model="command")

    assert admin_client.get(f"/admin/r/{command_type.pk}/no-uuid/").status_code == 404


def test_a_record_is_one_line_in_the_log():
    with pytest.raises(ValueError, match="second") as error:
        int("first\nsecond")
    record = logging.LogRecord(
        "name", logging.ERROR, __file__, 1, "a\r\nb", (), (error.type, error.value, error.tb)
    )
    line = OneLineFormatter("{message}", style="{").format(record)
    assert line.startswith("a\\r\\nb\\nTraceback")
    assert len(line.splitlines()) == 1


def test_a_line_about_a_request_ends_with_its_id(rf):
    request = rf.get("/")
    record = logging.LogRecord("name", logging.ERROR, __file__, 1, "a", (), None)
    record.request = request
    formatter = OneLineFormatter("{message}", style="{")
    assert formatter.format(record) == "a"
    request.request_id = "r-1"
    assert formatter.format(record) == "a [request r-1]"
