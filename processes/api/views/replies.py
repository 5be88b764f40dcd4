"""The inbox of a service that sends commands: read what came of them, and acknowledge it."""

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from processes.access import domains_of, require_own_address
from processes.api.base import ApiView, ChangingView
from processes.api.polling import wait_for
from processes.api.replies import Acknowledge, AcknowledgedReply, ReadReplies, UnreadReplies
from processes.bus.inbox import acknowledge, unread
from processes.bus.models import Reply

SEND = "bus.send_command"


@extend_schema_view(
    get=extend_schema(
        operation_id="list_replies",
        summary="Read the replies to an address",
        description=(
            "In order, the oldest first. A reply is read again and again until it is "
            "acknowledged, so dealing with it must bear being done twice."
        ),
        responses=UnreadReplies,
    )
)
class RepliesView(ApiView):
    needed = {"GET": (SEND,)}
    words = ReadReplies

    def get(self, request: Request) -> Response:
        words = self.read_words(request)
        reply_to, limit = words["reply_to"], words["limit"]
        require_own_address(request.user, reply_to)
        domains = domains_of(request.user)
        replies = wait_for(
            lambda: unread(reply_to, domains=domains, limit=limit), words["wait_seconds"]
        )
        return Response(UnreadReplies({"results": replies}).data)


@extend_schema_view(
    post=extend_schema(
        operation_id="acknowledge_reply",
        summary="Acknowledge a reply",
        description="It has been dealt with and is read no more; doing so again changes nothing.",
        request=Acknowledge,
        responses=AcknowledgedReply,
        examples=[OpenApiExample("Read by shop", {"reply_to": "shop"}, request_only=True)],
    )
)
class AcknowledgeView(ChangingView):
    needed = {"POST": (SEND,)}
    domain_path = "command__domain"

    def change(self, request: Request, pk: int) -> Response:
        reply_to = self.read(request, Acknowledge)["reply_to"]
        require_own_address(request.user, reply_to)
        self.one(request, Reply.objects.only("id"), pk)
        return Response(AcknowledgedReply(acknowledge(reply_to, pk)).data)
