"""Commands, finished ones too: the list, and the page of one with all that happened to it."""

import uuid
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404

from processes import selectors
from processes.admin import display
from processes.admin.command_filters import FILTERS
from processes.admin.command_list import CommandChangeList
from processes.admin.readonly import ReadOnlyAdmin
from processes.admin.word_filters import WordSearch
from processes.bus.models import Command
from processes.models import Process

VIEW_PROCESSES = "processes.view_process"


@admin.register(Command)
class CommandAdmin(WordSearch, ReadOnlyAdmin):
    list_display = ("age", "command", "domain", "standing", "tried", "error", "process")
    list_display_links = ("command",)
    list_filter = FILTERS
    ordering = ("-created_at", "-id")
    sortable_by = ("age",)
    search_fields = ("id",)
    search_help_text = "The whole id of a command, or part of its error."

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[CommandChangeList]:
        return CommandChangeList

    def with_processes(self, request: HttpRequest, commands: Any) -> list[Any]:
        """Each with its ``process``, as far as this person may see it."""
        processes = self.visible(request, Process.objects.all())
        if not request.user.has_perm(VIEW_PROCESSES):
            processes = processes.none()
        return selectors.with_processes(commands, processes)

    @admin.display(description="age", ordering="created_at")
    def age(self, command: Command) -> str:
        return display.age(command.created_at)

    @admin.display(description="command")
    def command(self, command: Command) -> str:
        return display.named_id(command.command_type, command.id)

    @admin.display(description="status")
    def standing(self, command: Command) -> str:
        return display.status_badge(command.status)

    @admin.display(description="attempts")
    def tried(self, command: Command) -> str:
        return display.attempts_cell(command.attempts, command.max_attempts)

    @admin.display(description="error")
    def error(self, command: Command) -> str:
        return display.error_cell(command.last_error_code, command.last_error_message)

    @admin.display(description="process")
    def process(self, command: Any) -> str:
        process = command.process
        if process is None:
            return "-"
        return display.process_cell(process.pk, process.process_type, process.status)

    def page(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        self.require_view_permission(request)
        found = get_object_or_404(self.visible(request, Command.objects.all()), pk=pk)
        (command,) = self.with_processes(request, [found])
        return self.render(
            request,
            "processes/command.html",
            str(command),
            command=command,
            was_parked=selectors.was_parked(command),
            events=selectors.event_log(command),
            replies=selectors.replies_of(command),
            actions=selectors.actions_on(command),
        )
