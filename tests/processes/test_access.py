"""Groups of people, and limits to domains."""

import importlib

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import AnonymousUser, Group, User

from processes.access import domains_of, visible_to
from processes.bus.models import Command
from processes.models import DomainLimit
from tests.factories import CommandFactory
from tests.support.console import Console, Schema, create_groups

pytestmark = pytest.mark.django_db

groups_migration = importlib.import_module("tsq.migrations.0003_groups")
view_migration = importlib.import_module("tsq.migrations.0005_view_commands")
SEES_COMMANDS = {"bus.view_command", "processes.view_workerheartbeat"}


def permissions_of(name: str) -> set[str]:
    permissions = Group.objects.get(name=name).permissions
    pairs = permissions.values_list("content_type__app_label", "codename")
    return {f"{app}.{codename}" for app, codename in pairs}


@pytest.fixture
def groups() -> None:
    create_groups()


class TestGroups:
    def test_each_may_do_what_the_one_before_may_and_more(self, groups):
        viewers, operators, supervisors = map(
            permissions_of, ("TSQ viewers", "TSQ operators", "TSQ supervisors")
        )
        assert viewers < operators < supervisors
        assert all(".view_" in permission for permission in viewers)
        assert viewers >= SEES_COMMANDS
        assert "tsq.cancel_tsqentry" in operators
        assert not operators & {"tsq.edit_tsqentry", "processes.view_operatoraction"}
        assert {"tsq.edit_tsqentry", "processes.view_operatoraction"} < supervisors
        assert not any("domainlimit" in permission for permission in supervisors)

    def test_the_migration_may_run_again_and_be_taken_back(self, groups):
        Group.objects.get(name="TSQ viewers").permissions.clear()
        own = Group.objects.create(name="Ours")
        groups_migration.create_groups(apps, Schema)
        assert permissions_of("TSQ viewers") == set(groups_migration.VIEWER)
        groups_migration.remove_groups(apps, Schema)
        assert list(Group.objects.all()) == [own]

    def test_commands_and_workers_are_shown_to_the_groups_there_are_and_no_longer(self, groups):
        Group.objects.get(name="TSQ viewers").delete()
        own = Group.objects.create(name="Ours")
        before = permissions_of("TSQ operators")
        view_migration.disallow(apps, Schema)
        assert permissions_of("TSQ operators") == before - SEES_COMMANDS
        view_migration.allow(apps, Schema)
        assert permissions_of("TSQ operators") == before
        assert not own.permissions.exists()
        assert not Group.objects.filter(name="TSQ viewers").exists()


class TestDomainsOf:
    @pytest.fixture
    def ann(self) -> User:
        return User.objects.create_user("ann")

    def test_who_has_no_limit_sees_every_domain(self, ann):
        assert domains_of(ann) is None

    def test_limits_of_a_person_and_of_their_groups_add_up(self, ann):
        group = Group.objects.create(name="Payers")
        ann.groups.add(group)
        DomainLimit.objects.create(user=ann, domain="a")
        DomainLimit.objects.create(group=group, domain="b")
        DomainLimit.objects.create(user=User.objects.create_user("bob"), domain="c")
        DomainLimit.objects.create(group=Group.objects.create(name="Others"), domain="d")
        assert domains_of(ann) == {"a", "b"}

    def test_a_superuser_is_never_limited(self):
        boss = User.objects.create_superuser("boss")
        DomainLimit.objects.create(user=boss, domain="a")
        assert domains_of(boss) is None

    def test_nobody_at_all_has_no_limit_and_no_permission_either(self):
        assert domains_of(AnonymousUser()) is None

    def test_it_is_asked_once_in_a_request(self, ann, django_assert_num_queries):
        with django_assert_num_queries(1):
            domains_of(ann)
            domains_of(ann)

    def test_only_rows_of_these_domains_are_visible(self, ann):
        mine, _ = CommandFactory(domain="a"), CommandFactory(domain="b")
        DomainLimit.objects.create(user=ann, domain="a")
        assert list(visible_to(ann, Command.objects.all())) == [mine]


class TestTheirAdmin:
    PERMISSIONS = ("processes.view_domainlimit", "processes.add_domainlimit")
    PAGE = "processes_domainlimit_add"

    @pytest.fixture(autouse=True)
    def plain_http(self, settings) -> None:
        settings.SECURE_SSL_REDIRECT = False

    @pytest.fixture
    def ann(self) -> User:
        return User.objects.create_user("ann")

    @pytest.fixture
    def console(self) -> Console:
        return Console(*self.PERMISSIONS, "auth.view_user", "auth.view_group", username="boss")

    def test_a_person_or_a_group_is_limited(self, console, ann):
        group = Group.objects.create(name="Payers")
        for subject in ({"user": ann.pk}, {"group": group.pk}):
            assert console.submit(self.PAGE, **subject, domain="a").status_code == 302
        assert domains_of(ann) == {"a"}
        assert DomainLimit.objects.filter(group=group, domain="a").count() == 1

    def test_both_or_neither_or_the_same_again_is_a_form_error(self, console, ann):
        group = Group.objects.create(name="Payers")
        for subject in ({}, {"user": ann.pk, "group": group.pk}):
            page = console.submit(self.PAGE, **subject, domain="a").content.decode()
            assert "Choose either a user or a group." in page
        DomainLimit.objects.create(user=ann, domain="a")
        page = console.submit(self.PAGE, user=ann.pk, domain="a").content.decode()
        assert "This limit is set already." in page
        assert DomainLimit.objects.count() == 1

    def test_who_is_limited_sets_no_limits(self, console):
        boss = User.objects.get(username="boss")
        limit = DomainLimit.objects.create(user=boss, domain="a")
        assert console.submit(self.PAGE, user=boss.pk, domain="b").status_code == 403
        assert console.page("processes_domainlimit_changelist").status_code == 403
        assert list(DomainLimit.objects.all()) == [limit]


def test_the_worker_engines_tables_are_not_in_the_admin():
    assert not [model for model in admin.site._registry if model._meta.app_label == "django_q"]
