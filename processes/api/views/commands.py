"""Send, list and show commands."""

import uuid

from django.urls import reverse
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from processes.access import require_domain, require_own_address
from processes.api.base import ApiView, ChangingView
from processes.api.commands import CommandDetail, CommandPage, CommandSummary, SendCommand
from processes.bus.models import Command
from processes.bus.sending import CommandRequest, send_or_find_commands
from processes.filters import CommandFilter

VIEW = "bus.view_command"
SEND = "bus.send_command"

RESERVE = {
    "domain": "shop",
    "command_type": "OrderReserve",
    "data": {"order": "4711"},
    "command_id": "9d8f3d6e-67c0-4a1c-8a4e-7d0d6c1b4711",
}


@extend_schema_view(
    get=extend_schema(
        operation_id="list_commands",
        summary="List commands, the newest first",
        responses=CommandPage,
    ),
    post=extend_schema(
        operation_id="send_command",
        summary="Send a command",
        description="201: sent. 200: a command with this id and content was there already.",
        request=SendCommand,
        responses={201: CommandSummary, 200: CommandSummary},
        examples=[OpenApiExample("A reservation", RESERVE, request_only=True)],
    ),
)
class CommandsView(ChangingView):
    needed = {"GET": (VIEW,), "POST": (SEND,)}
    filters = CommandFilter
    leads_to = ("get_command",)

    def get(self, request: Request) -> Response:
        return self.list(request, Command.objects.defer("data", "edited_data"), CommandSummary)

    def change(self, request: Request) -> Response:
        wanted = CommandRequest(**self.read(request, SendCommand))
        require_domain(request.user, wanted.domain)
        if wanted.reply_to:
            require_own_address(request.user, wanted.reply_to)
        ((command, is_new),) = send_or_find_commands([wanted])
        headers = {"Location": reverse("api:command", args=[command.id])}
        status = 201 if is_new else 200
        return Response(CommandSummary(command).data, status=status, headers=headers)


@extend_schema_view(
    get=extend_schema(
        operation_id="get_command",
        summary="Show a command with its events",
        responses=CommandDetail,
    )
)
class CommandView(ApiView):
    needed = {"GET": (VIEW,)}

    def get(self, request: Request, pk: uuid.UUID) -> Response:
        return Response(CommandDetail(self.one(request, Command.objects.all(), pk)).data)
