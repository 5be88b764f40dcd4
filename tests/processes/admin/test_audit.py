"""The audit trail: what it shows and exports, how it is filtered, and that nothing alters it."""

import csv
import io
import uuid

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from processes.admin.audit_csv import COLUMNS
from processes.admin.difference import difference
from processes.bus.append_only import PRUNING
from processes.bus.models import Command
from processes.models import DomainLimit, OperatorAction
from processes.spreadsheets import harmless
from tests.factories import CommandFactory, OperatorActionFactory, ProcessFactory, ReplyFactory
from tests.support.console import VIEW_ALL, Console, told

pytestmark = pytest.mark.django_db

LIST, PAGE = "processes_operatoraction_changelist", "processes_operatoraction_change"
EXPORT = "processes_operatoraction_export"


@pytest.fixture
def auditor(db) -> Console:
    return Console("processes.view_operatoraction", username="auditor")


def exported(auditor: Console, **query: str) -> list[dict[str, str]]:
    response = auditor.page(EXPORT, **query)
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    text = b"".join(response.streaming_content).decode()
    return list(csv.DictReader(io.StringIO(text)))


def listed(auditor: Console, **query: str) -> list[OperatorAction]:
    return list(auditor.page(LIST, **query).context["cl"].result_list)


class TestAppendOnly:
    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE processes_operatoraction SET operator = 'nobody'",
            "DELETE FROM processes_operatoraction",
            "TRUNCATE processes_operatoraction",
        ],
    )
    def test_the_database_refuses_to_alter_it(self, statement):
        action = OperatorActionFactory()
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            refused = pytest.raises(DatabaseError, match="never changed or removed")
            with refused, transaction.atomic():
                cursor.execute(statement)
        assert OperatorAction.objects.get() == action

    def test_its_subject_cannot_be_removed_with_it(self):
        action = OperatorActionFactory()
        with pytest.raises(DatabaseError, match="only ever added"), transaction.atomic():
            action.command.delete()
        assert Command.objects.count() == OperatorAction.objects.count() == 1

    def test_pruning_removes_a_subject_with_its_actions_but_changes_none(self):
        action = OperatorActionFactory()
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(PRUNING)
            with pytest.raises(DatabaseError, match="only ever added"), transaction.atomic():
                OperatorAction.objects.update(operator="nobody")
            action.command.delete()
        assert not OperatorAction.objects.exists()


class TestTheList:
    def test_it_tells_who_did_what_to_what_and_why(self, auditor):
        OperatorActionFactory(operator="ann", reason="<i>a typo</i>", channel="cli")
        page = auditor.text(LIST)
        for told_there in ("ann", "Retry", "Command line", "test", "&lt;i&gt;a typo&lt;/i&gt;"):
            assert told_there in page
        assert "<i>a typo" not in page

    def test_its_queries_do_not_grow_with_its_rows(self, auditor):
        def rows():
            OperatorActionFactory()
            OperatorActionFactory(command=None, process=ProcessFactory())
            OperatorActionFactory(command=None, reply=ReplyFactory())

        rows()
        with CaptureQueriesContext(connection) as few:
            auditor.text(LIST)
        for _ in range(5):
            rows()
        with CaptureQueriesContext(connection) as many:
            auditor.text(LIST)
        assert len(many) == len(few) < 12

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ({}, ["cancel", "retry"]),
            ({"operator": "ann"}, ["retry"]),
            ({"operator": " bob "}, ["cancel"]),
            ({"operator": "an"}, []),
            ({"operator": "\x00"}, []),
            ({"action": "cancel"}, ["cancel"]),
            ({"action": "dance"}, []),
            ({"channel": "api"}, ["cancel"]),
            ({"domain": "test"}, ["retry"]),
            ({"from": "2001-02-03"}, ["cancel", "retry"]),
            ({"from": "2999-02-03"}, []),
            ({"until": "2999-02-03"}, ["cancel", "retry"]),
            ({"until": "2001-02-03"}, []),
            ({"operator": "ann", "action": "cancel"}, []),
        ],
    )
    def test_filters_choose_the_same_in_the_list_and_the_export(self, auditor, story, query, found):
        OperatorActionFactory(operator="ann", channel="admin")
        OperatorActionFactory(operator="bob", channel="api", action="cancel", domain="other")
        assert [action.action for action in listed(auditor, **query)] == found
        assert [line["action"] for line in exported(auditor, **query)] == found

    @pytest.mark.parametrize("text", ["yesterday", "2024-13-01", "9999-12-31", "\x00"])
    def test_a_date_that_is_none_is_told(self, auditor, text):
        OperatorActionFactory()
        response = auditor.page(LIST, until=text)
        assert response.status_code == 200
        assert any("is not a date; write it as 2026-12-31" in line for line in told(response))

    @pytest.mark.parametrize("query", [{"p": "x"}, {"o": "9.9"}, {"e": "1"}, {"reason": "x"}])
    def test_odd_queries_are_no_server_error(self, auditor, query):
        for page in (LIST, EXPORT):
            assert auditor.page(page, **query).status_code in (200, 302, 400)


@pytest.mark.parametrize(
    ("kind", "page"),
    [
        ("bulk_operation", "bulkoperation"),
        ("notification", "notification"),
        ("notification_rule", "notificationrule"),
    ],
)
def test_what_is_above_the_engine_is_shown_alike_and_leads_to_its_page(auditor, kind, page):
    pk = "17" if kind == "notification_rule" else str(uuid.uuid4())
    on = {"command": None, "subject_kind": kind, "subject_id": pk, "domain": ""}
    action = OperatorActionFactory(**on, action="stop", reason="Too many")
    OperatorActionFactory()
    link = f'<a href="/admin/tsq/{page}/{pk}/change/">{kind.replace("_", " ")} '
    for text in (auditor.text(LIST), auditor.text(PAGE, action.pk)):
        assert link in text
        assert "Too many" in text
    assert listed(auditor, action="stop") == [action]
    (line,) = exported(auditor, action="stop")
    assert (line["subject"], line["type"], line["subject_id"]) == (kind, "", pk)
    limited = Console("processes.view_operatoraction", username="eve")
    DomainLimit.objects.create(user_id=limited.client.session["_auth_user_id"], domain="test")
    assert [action.action for action in listed(limited)] == ["retry"]


class TestThePage:
    def test_it_shows_the_difference_line_by_line(self, auditor):
        action = OperatorActionFactory(
            before={"status": "PARKED", "x": "<b>"}, after={"status": "PENDING", "x": "<b>"}
        )
        page = auditor.text(PAGE, action.pk)
        assert '<span class="line-removed">−   &quot;status&quot;: &quot;PARKED&quot;' in page
        assert '<span class="line-added">+   &quot;status&quot;: &quot;PENDING&quot;' in page
        assert "<b>&quot;" not in page

    def test_it_leads_to_its_subject(self, auditor):
        command, process, reply = CommandFactory(), ProcessFactory(), ReplyFactory()
        for subject, url in (
            ({"command": command}, f"/admin/tsq/tsqentry/{command.pk}/change/"),
            ({"process": process}, f"/admin/processes/process/{process.pk}/change/"),
            ({"reply": reply}, f"/admin/tsq/stuckreply/{reply.pk}/change/"),
        ):
            action = OperatorActionFactory(**{"command": None} | subject)
            assert f'href="{url}"' in auditor.text(PAGE, action.pk)

    def test_an_action_that_is_none_is_not_found(self, auditor):
        for pk in (1, 10**30):
            assert auditor.page(PAGE, pk).status_code == 404

    def test_its_own_permission_is_needed(self):
        action = OperatorActionFactory()
        viewer = Console(*VIEW_ALL)
        for page in (viewer.page(LIST), viewer.page(PAGE, action.pk), viewer.page(EXPORT)):
            assert page.status_code == 403


class TestTheExport:
    def test_it_holds_every_column(self, auditor):
        action = OperatorActionFactory(reason='a, b\n"c"', request_id="r-1")
        (line,) = exported(auditor)
        assert tuple(line) == COLUMNS
        assert (line["id"], line["at"]) == (str(action.pk), action.at.isoformat())
        assert (line["subject"], line["type"]) == ("command", "Test")
        assert line["subject_id"] == str(action.command_id)
        assert (line["reason"], line["request_id"]) == ('a, b\n"c"', "r-1")
        assert line["before"] == '{"status": "IN_TROUBLESHOOTING_QUEUE"}'

    @pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
    def test_no_cell_is_a_formula(self, auditor, start):
        assert harmless(f"{start}1") == f"'{start}1"
        OperatorActionFactory(reason=f'{start}HYPERLINK("http://x")', operator="=ann")
        (line,) = exported(auditor)
        assert line["operator"] == "'=ann"
        assert line["reason"].startswith(f"'{start}")

    def test_all_rows_are_in_it_chunk_by_chunk(self, auditor, monkeypatch):
        monkeypatch.setattr("processes.admin.audit_csv.CHUNK", 2)
        ids = [str(OperatorActionFactory().pk) for _ in range(5)]
        assert [line["id"] for line in exported(auditor)] == ids[::-1]


def test_a_huge_difference_is_cut_and_leaves_out_what_is_common():
    before = {"list": list(range(5_000))}
    after = {"list": [*range(4_999), "x"]}
    assert [(line.kind, line.text.strip()) for line in difference(before, after)] == [
        ("removed", "4999"),
        ("added", '"x"'),
    ]
    cut = difference({"list": []}, before)
    assert (len(cut), cut[-1].kind) == (2_001, "gap")


def test_the_same_json_has_no_difference():
    assert difference({"a": 1, "b": 2}, {"b": 2, "a": 1}) == []
    assert difference({"a": 1}, {"a": True}) != []
