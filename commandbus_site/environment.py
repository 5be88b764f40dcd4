"""Reads environment variables; refuses a bad value by name, with what would be right.

An empty variable counts as absent.
"""

import re
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

T = TypeVar("T")

env = environ.Env()

ON = {"on", "true", "yes", "1"}
OFF = {"off", "false", "no", "0"}


def text(name: str, default: str) -> str:
    return env.str(name, default="") or default


def switch(name: str, default: bool) -> bool:
    return _read(name, _switch, default, "Write on or off.")


def whole_number(name: str, default: int) -> int:
    return _read(name, _positive(int), default, "Write a whole number of at least 1.")


def whole_number_or_none(name: str) -> int | None:
    """None if it is not set."""
    return _read(name, _positive(int), None, "Write a whole number of at least 1, or nothing.")


def seconds(name: str, default: float) -> float:
    return _read(name, _positive(float), default, "Write a number of seconds above 0.")


def list_of_seconds(name: str, default: tuple[float, ...]) -> tuple[float, ...]:
    def parse(value: str) -> tuple[float, ...]:
        return tuple(_positive(float)(item) for item in value.split(","))

    return _read(name, parse, default, "Write seconds above 0 with commas between: 10,60,300.")


def rate(name: str, default: str) -> str:
    """So many in each second, minute, hour or day."""

    def parse(value: str) -> str:
        if not re.fullmatch(r"[1-9][0-9]{0,8}/(sec|min|hour|day)", value):
            raise ValueError(value)
        return value

    return _read(name, parse, default, "Write a number and sec, min, hour or day: 600/min.")


def names(name: str, default: list[str]) -> list[str]:
    items = [item.strip() for item in env.str(name, default="").split(",")]
    return [item for item in items if item] or default


def one_of(name: str, choices: tuple[str, ...], default: str) -> str:
    def parse(value: str) -> str:
        return choices[choices.index(value.upper())]

    return _read(name, parse, default, f"Write one of {', '.join(choices)}.")


def site_address(name: str, default: str) -> str:
    """Where people reach the site, without a slash at the end."""

    def parse(value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
            raise ValueError(value)
        return value.rstrip("/")

    return _read(name, parse, default, "Write an address such as https://bus.example.org.")


def database(name: str) -> dict[str, Any] | None:
    """A PostgreSQL database; the value is not shown in the error, it may hold a password."""
    if not env.str(name, default=""):
        return None
    config: dict[str, Any]
    try:
        config = env.db_url(name)
    except (ValueError, ImproperlyConfigured):
        config = {}
    if config.get("ENGINE") != "django.db.backends.postgresql" or not config["NAME"]:
        raise ImproperlyConfigured(
            f"{name} is not the address of a PostgreSQL database. Write"
            " postgresql://user:password@host:5432/name, special characters percent-encoded."
        )
    return config


def mail(name: str) -> dict[str, Any] | None:
    """Where mail goes; the value is not shown in the error, it may hold a password."""
    if not env.str(name, default=""):
        return None
    try:
        config: dict[str, Any] = env.email_url(name)
    except (ValueError, ImproperlyConfigured):
        raise ImproperlyConfigured(
            f"{name} is not the address of a mail server. Write"
            " smtp+tls://user:password@host:587, special characters percent-encoded."
        ) from None
    return config


def _read(name: str, parse: Callable[[str], T], default: T, remedy: str) -> T:
    value = env.str(name, default="").strip()
    if not value:
        return default
    try:
        return parse(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name}={value!r} cannot be used. {remedy}") from None


def _switch(value: str) -> bool:
    if value.lower() not in ON | OFF:
        raise ValueError(value)
    return value.lower() in ON


def _positive(number: Callable[[str], T]) -> Callable[[str], T]:
    def parse(value: str) -> T:
        parsed = number(value)
        if not 0 < parsed < float("inf"):  # type: ignore[operator]
            raise ValueError(value)
        return parsed

    return parse
