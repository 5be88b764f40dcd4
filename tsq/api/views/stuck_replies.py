"""List and show stuck replies, have one handled again, give one up."""

from collections.abc import Callable
from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from processes.api.base import ApiView, ChangingView
from processes.api.pagination import BY_ID
from processes.api.strict import StrictSerializer
from processes.requests import acting
from processes.states import Channel
from tsq import operations
from tsq.api.stuck_replies import (
    GiveUp,
    HandleAgain,
    StuckReplyDetail,
    StuckReplyPage,
    StuckReplySummary,
)
from tsq.filters import StuckReplyFilter
from tsq.models import StuckReply
from tsq.selectors import replies_with_steps, stuck_replies_ever

VIEW = "tsq.view_stuckreply"


@extend_schema_view(
    get=extend_schema(
        operation_id="list_stuck_replies",
        summary="List the replies whose handling failed too often",
        responses=StuckReplyPage,
    )
)
class StuckRepliesView(ApiView):
    needed = {"GET": (VIEW,)}
    filters = StuckReplyFilter
    order = BY_ID
    domain_path = "command__domain"

    def get(self, request: Request) -> Response:
        replies = StuckReply.objects.select_related("command").defer("data", "command__data")
        page, links = self.page(request, replies)
        shown = StuckReplySummary(replies_with_steps(page), many=True)
        return Response({"results": shown.data, **links})


@extend_schema_view(
    get=extend_schema(
        operation_id="get_stuck_reply",
        summary="Show a reply that is stuck, or that an operator acted on",
        responses=StuckReplyDetail,
    )
)
class StuckReplyView(ApiView):
    needed = {"GET": (VIEW,)}
    domain_path = "command__domain"

    def get(self, request: Request, pk: int) -> Response:
        return Response(_detail(self.one(request, stuck_replies_ever(), pk)))


class ReplyChangingView(ChangingView):
    domain_path = "command__domain"
    expected: ClassVar[type[StrictSerializer]]
    act: Callable[..., object]

    def change(self, request: Request, pk: int) -> Response:
        answers = self.read(request, self.expected)
        self.one(request, stuck_replies_ever(), pk)
        self.act(pk, **answers, **acting(request, Channel.API))
        return Response(_detail(stuck_replies_ever().get(pk=pk)))


@extend_schema_view(
    post=extend_schema(
        operation_id="handle_stuck_reply_again",
        summary="Have the reply handled again",
        request=HandleAgain,
        responses=StuckReplyDetail,
        examples=[
            OpenApiExample(
                "Mended", {"seen": 1767225600000000, "note": "code mended"}, request_only=True
            )
        ],
    )
)
class HandleAgainView(ReplyChangingView):
    needed = {"POST": (VIEW, "tsq.handle_again_stuckreply")}
    expected = HandleAgain
    act = staticmethod(operations.handle_again)


@extend_schema_view(
    post=extend_schema(
        operation_id="give_up_stuck_reply",
        summary="Give the reply up; its process fails, to be compensated",
        request=GiveUp,
        responses=StuckReplyDetail,
        examples=[
            OpenApiExample("Why", {"seen": 1767225600000000, "reason": "no way"}, request_only=True)
        ],
    )
)
class GiveUpView(ReplyChangingView):
    needed = {"POST": (VIEW, "tsq.give_up_stuckreply")}
    expected = GiveUp
    act = staticmethod(operations.give_up)


def _detail(reply: Any) -> Any:
    return StuckReplyDetail(replies_with_steps([reply])[0]).data
