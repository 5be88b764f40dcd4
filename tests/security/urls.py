"""Every URL of the admin, read from the URL resolver, with the ids of real rows filled in."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import RequestFactory
from django.urls import get_resolver

Rows = Mapping[str, Any]
"""The id to fill in, by "app_model" in lower case."""

ABOUT_NO_ROW = {
    "admin:view_on_site": {"content_type_id": 0, "object_id": 0},
    "admin:app_list": {"app_label": "tsq"},
    "admin:": {"url": "no-such-page"},
}


@dataclass(frozen=True)
class Place:
    """A URL and its name; ``model`` is what its id belongs to, if it has one."""

    name: str
    path: str
    model: str = ""


def all_places(rows: Rows) -> list[Place]:
    """Fails the test for a URL it cannot fill in: the walk must know every page."""
    admins = [p for p in get_resolver().url_patterns if getattr(p, "app_name", "") == "admin"]
    return [_place(route, pattern, rows) for route, pattern in _patterns(admins, "/")]


def _patterns(patterns: list[Any], before: str) -> Iterator[tuple[str, Any]]:
    for pattern in patterns:
        route = before + str(pattern.pattern)
        if hasattr(pattern, "url_patterns"):
            yield from _patterns(pattern.url_patterns, route)
        else:
            yield route, pattern


def _place(route: str, pattern: Any, rows: Rows) -> Place:
    name = f"admin:{pattern.name or ''}"
    wanted = set(pattern.pattern.regex.groupindex)
    model = "_".join(route.split("/")[2:4])
    values = ABOUT_NO_ROW.get(name, {})
    if wanted and len(wanted) == 1 and model in rows:
        values = dict.fromkeys(wanted, rows[model])
    if wanted - set(values):
        pytest.fail(f"Tell the walk how to fill in {wanted} of {route} ({name}).")
    return Place(name, _filled(route, values), model if model in rows and wanted else "")


def _filled(route: str, values: Mapping[str, Any]) -> str:
    route = re.sub(r"\(\?P<(\w+)>[^)]*\)", r"<\1>", route).replace("^", "").replace("$", "")
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda found: str(values[found[1]]), route)


def all_actions(rows: Rows) -> list[tuple[str, str, Any]]:
    """Every action of every list as (path of the list, action, id of a row)."""
    request = RequestFactory().get("/")
    request.user = User(is_superuser=True, is_active=True, is_staff=True)
    return [
        (f"/admin/{model._meta.app_label}/{model._meta.model_name}/", action, rows[label])
        for model, model_admin in admin.site._registry.items()
        for label in [model._meta.label_lower.replace(".", "_")]
        for action in {*model_admin.get_actions(request), "delete_selected"}
    ]
