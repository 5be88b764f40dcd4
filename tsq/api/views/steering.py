"""Pause, resume, stop a bulk operation, and retry its failures."""

import uuid
from collections.abc import Callable

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from processes.api.base import ChangingView
from processes.requests import acting
from processes.states import Channel
from tsq import bulk
from tsq.api.operations import OperationDetail
from tsq.api.resolutions import NOTHING_TO_TELL, Nothing
from tsq.api.views.operations import VIEW, answer_with, begun_operation, require_verb
from tsq.models import BulkOperation


class SteeringView(ChangingView):
    """Needs the permission for what the operation does as well."""

    needed = {"POST": (VIEW,)}
    steer: Callable[..., BulkOperation]

    def change(self, request: Request, pk: uuid.UUID) -> Response:
        self.read(request, Nothing)
        operation = begun_operation(request, pk)
        require_verb(request, operation.verb)
        return answer_with(self.steer(operation.pk, **acting(request, Channel.API)))


@extend_schema_view(
    post=extend_schema(
        operation_id="pause_operation",
        summary="Hold a bulk operation",
        request=Nothing,
        responses=OperationDetail,
        examples=[NOTHING_TO_TELL],
    )
)
class PauseView(SteeringView):
    steer = staticmethod(bulk.pause)


@extend_schema_view(
    post=extend_schema(
        operation_id="resume_operation",
        summary="Let a bulk operation go on",
        request=Nothing,
        responses=OperationDetail,
        examples=[NOTHING_TO_TELL],
    )
)
class ResumeView(SteeringView):
    steer = staticmethod(bulk.resume)


@extend_schema_view(
    post=extend_schema(
        operation_id="stop_operation",
        summary="End a bulk operation for good; what is open stays untouched",
        request=Nothing,
        responses=OperationDetail,
        examples=[NOTHING_TO_TELL],
    )
)
class StopView(SteeringView):
    steer = staticmethod(bulk.stop)


@extend_schema_view(
    post=extend_schema(
        operation_id="retry_failures",
        summary="Do the failed items of a bulk operation again",
        request=Nothing,
        responses=OperationDetail,
        examples=[NOTHING_TO_TELL],
    )
)
class RetryFailuresView(SteeringView):
    steer = staticmethod(bulk.retry_failures)
