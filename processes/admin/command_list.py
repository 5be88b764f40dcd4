"""The list of commands, which may be millions: searched once, whatever the filters."""

from typing import TYPE_CHECKING, Any

from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest

from processes import selectors
from processes.admin.readonly import MOST_COUNTED

if TYPE_CHECKING:
    from processes.admin.commands import CommandAdmin

    IdPaginator = Paginator[Any]
else:
    IdPaginator = Paginator


class FoundPaginator(IdPaginator):
    """Pages of the ids of all that is listed, found in one go.

    Not once for the count and again for the page; and a search for many is planned by what is
    rare, where one for a page may go along the order of the list, hoping to find it early.
    """

    def __init__(self, rows: QuerySet[Any], per_page: int) -> None:
        super().__init__(list(rows.values_list("pk", flat=True)[:MOST_COUNTED]), per_page)

    @property
    def is_cut(self) -> bool:
        return self.count >= MOST_COUNTED


class CommandChangeList(ChangeList):
    model_admin: "CommandAdmin"

    def get_results(self, request: HttpRequest) -> None:
        paginator = FoundPaginator(self.queryset, self.list_per_page)
        page = paginator.get_page(self.page_num)
        self.page_num, self.paginator = page.number, paginator
        commands = selectors.listed_commands(list(page.object_list))
        self.result_list = self.model_admin.with_processes(request, commands)
        self.result_count = paginator.count
        self.multi_page = paginator.num_pages > 1
        self.can_show_all = self.show_full_result_count = self.show_admin_actions = False
        self.full_result_count = None
