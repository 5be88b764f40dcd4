"""Values of environment variables: what is taken, and what is refused and how."""

import os
import subprocess
import sys

import pytest
from django.core.exceptions import ImproperlyConfigured

from commandbus_site import environment
from tests.site.servers import ROOT


def manage(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("read", "default", "value", "expected"),
    [
        (environment.switch, False, "on", True),
        (environment.switch, True, "False", False),
        (environment.whole_number, 3, "12", 12),
        (environment.seconds, 60, "0.5", 0.5),
        (environment.list_of_seconds, (10,), "1, 2.5", (1, 2.5)),
        (environment.names, ["localhost"], "a.example, b.example", ["a.example", "b.example"]),
        (environment.site_address, "", "https://bus.example.org/", "https://bus.example.org"),
        (environment.rate, "60/min", "10/sec", "10/sec"),
        (environment.whole_number, 3, "", 3),
        (environment.names, ["localhost"], " ", ["localhost"]),
    ],
)
def test_a_value_is_taken(monkeypatch, read, default, value, expected):
    monkeypatch.setenv("SETTING", value)
    assert read("SETTING", default) == expected


@pytest.mark.parametrize(("value", "expected"), [("90", 90), ("", None), (" ", None)])
def test_a_number_may_be_left_out(monkeypatch, value, expected):
    monkeypatch.setenv("SETTING", value)
    assert environment.whole_number_or_none("SETTING") == expected


@pytest.mark.parametrize("value", ["0", "-1", "ninety", "1.5"])
def test_what_is_no_number_is_not_left_out(monkeypatch, value):
    monkeypatch.setenv("SETTING", value)
    with pytest.raises(ImproperlyConfigured, match="a whole number of at least 1, or nothing"):
        environment.whole_number_or_none("SETTING")


@pytest.mark.parametrize(
    ("read", "default", "value", "remedy"),
    [
        (environment.switch, False, "ture", "on or off"),
        (environment.whole_number, 3, "many", "a whole number of at least 1"),
        (environment.whole_number, 3, "0", "a whole number of at least 1"),
        (environment.seconds, 60, "-1", "a number of seconds above 0"),
        (environment.seconds, 60, "nan", "a number of seconds above 0"),
        (environment.list_of_seconds, (10,), "10;60", "10,60,300"),
        (environment.site_address, "", "bus.example.org", "https://bus.example.org"),
        (environment.rate, "60/min", "0/min", "600/min"),
        (environment.rate, "60/min", "many", "600/min"),
        (environment.rate, "60/min", "6/year", "600/min"),
    ],
)
def test_a_bad_value_is_refused_by_name_with_the_remedy(monkeypatch, read, default, value, remedy):
    monkeypatch.setenv("SETTING", value)
    with pytest.raises(ImproperlyConfigured) as refusal:
        read("SETTING", default)
    assert f"SETTING='{value}'" in str(refusal.value)
    assert remedy in str(refusal.value)


@pytest.mark.parametrize(
    "value",
    [
        "mysql://bus:secret@host/name",
        "postgresql://bus:secret@host",
        "postgresql://bus:secret@h:x/n",
    ],
)
def test_a_database_that_is_not_postgresql_is_refused_without_its_password(monkeypatch, value):
    monkeypatch.setenv("DATABASE_URL", value)
    with pytest.raises(ImproperlyConfigured, match=r"DATABASE_URL.*postgresql://") as refusal:
        environment.database("DATABASE_URL")
    assert "secret" not in str(refusal.value)


def test_a_database_url_is_taken(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgres://bus:p%40ss@db.example:5433/bus?sslmode=require")
    database = environment.database("DATABASE_URL")
    assert database == {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "bus",
        "USER": "bus",
        "PASSWORD": "p@ss",
        "HOST": "db.example",
        "PORT": 5433,
        "OPTIONS": {"sslmode": "require"},
    }


def test_a_mail_address_of_an_unknown_kind_is_refused_without_its_password(monkeypatch):
    monkeypatch.setenv("EMAIL_URL", "imap://bus:secret@host")
    with pytest.raises(ImproperlyConfigured, match=r"EMAIL_URL.*smtp") as refusal:
        environment.mail("EMAIL_URL")
    assert "secret" not in str(refusal.value)


def test_a_command_run_with_a_bad_value_ends_with_one_line():
    ended = manage("migrate", COMMANDBUS_WORKERS="many")
    assert ended.returncode == 1
    assert ended.stderr == (
        "Configuration: COMMANDBUS_WORKERS='many' cannot be used."
        " Write a whole number of at least 1.\n"
    )


def test_the_production_configuration_passes_the_deployment_checks():
    ended = manage("check", "--deploy", "--fail-level=WARNING", DEBUG="", COMMANDBUS_HTTPS="on")
    assert (ended.returncode, ended.stdout) == (
        0,
        "System check identified no issues (0 silenced).\n",
    ), ended.stderr
