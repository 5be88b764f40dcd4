"""Start, list, show and compensate processes."""

import uuid

from django.urls import reverse
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from processes.api.base import ApiView, ChangingView
from processes.api.processes import (
    Compensate,
    ProcessDetail,
    ProcessPage,
    ProcessSummary,
    StartOutcomes,
    StartProcess,
    StartProcesses,
    outcome_of,
    start_permitted,
)
from processes.api.versions import answer_with_etag, etag_of, require_match
from processes.engine import compensate, lock_process
from processes.filters import ProcessFilter
from processes.models import Process
from processes.requests import acting
from processes.starting import StartRequest
from processes.states import Channel

VIEW = "processes.view_process"
START = "processes.start_process"
COMPENSATE = "processes.compensate_process"

ORDER = {
    "process_type": "Order",
    "data": {"order": "4711"},
    "process_id": "2b1c0a52-3c1e-4b52-9c60-0f6f5d1f4711",
}


@extend_schema_view(
    get=extend_schema(
        operation_id="list_processes",
        summary="List processes, the newest first",
        responses=ProcessPage,
    ),
    post=extend_schema(
        operation_id="start_process",
        summary="Start a process",
        description="201: started. 200: a process with this id, type and data was there already.",
        request=StartProcess,
        responses={201: ProcessSummary, 200: ProcessSummary},
        examples=[OpenApiExample("An order", ORDER, request_only=True)],
    ),
)
class ProcessesView(ChangingView):
    needed = {"GET": (VIEW,), "POST": (START,)}
    filters = ProcessFilter
    has_etag = ("POST",)
    leads_to = ("get_process", "compensate_process")

    def get(self, request: Request) -> Response:
        return self.list(request, Process.objects.defer("data", "state"), ProcessSummary)

    def change(self, request: Request) -> Response:
        wanted = StartRequest(**self.read(request, StartProcess))
        (start,) = start_permitted(request.user, [wanted])
        process = start.required()
        headers = {"Location": reverse("api:process", args=[process.id]), "ETag": etag_of(process)}
        status = 201 if start.created else 200
        return Response(ProcessSummary(process).data, status=status, headers=headers)


@extend_schema_view(
    post=extend_schema(
        operation_id="start_processes",
        summary="Start many processes",
        description="Each item has its own outcome; a refused one harms no other.",
        request=StartProcesses,
        responses=StartOutcomes,
        examples=[OpenApiExample("Two orders", {"items": [ORDER, ORDER]}, request_only=True)],
    ),
)
class BatchView(ChangingView):
    needed = {"POST": (START,)}

    def change(self, request: Request) -> Response:
        wanted = [StartRequest(**item) for item in self.read(request, StartProcesses)["items"]]
        starts = start_permitted(request.user, wanted)
        told = [outcome_of(start, index, request) for index, start in enumerate(starts)]
        return Response({"items": told})


@extend_schema_view(
    get=extend_schema(
        operation_id="get_process", summary="Show a process with its steps", responses=ProcessDetail
    )
)
class ProcessView(ApiView):
    needed = {"GET": (VIEW,)}
    has_etag = ("GET",)

    def get(self, request: Request, pk: uuid.UUID) -> Response:
        process = self.one(request, Process.objects.all(), pk)
        return answer_with_etag(request, etag_of(process), lambda: ProcessDetail(process).data)


@extend_schema_view(
    post=extend_schema(
        operation_id="compensate_process",
        summary="Undo what a FAILED process has done",
        request=Compensate,
        responses=ProcessSummary,
        examples=[OpenApiExample("Why", {"reason": "ordered twice"}, request_only=True)],
    )
)
class CompensateView(ChangingView):
    needed = {"POST": (VIEW, COMPENSATE)}
    has_etag = ("POST",)

    def change(self, request: Request, pk: uuid.UUID) -> Response:
        reason = self.read(request, Compensate)["reason"]
        self.one(request, Process.objects.all(), pk)
        require_match(request, lambda: etag_of(lock_process(pk)))
        process = compensate(pk, reason=reason, **acting(request, Channel.API))
        return Response(ProcessSummary(process).data, headers={"ETag": etag_of(process)})
