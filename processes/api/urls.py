"""Under ``/api/v1/``."""

from django.urls import path

from processes.api.views.commands import CommandsView, CommandView
from processes.api.views.external import (
    ClaimView,
    ExtendView,
    FailView,
    ReleaseView,
    SucceedView,
)
from processes.api.views.processes import BatchView, CompensateView, ProcessesView, ProcessView
from processes.api.views.replies import AcknowledgeView, RepliesView

app_name = "api"
urlpatterns = [
    path("processes", ProcessesView.as_view(), name="processes"),
    path("processes/batch", BatchView.as_view(), name="process-batch"),
    path("processes/<uuid:pk>", ProcessView.as_view(), name="process"),
    path("processes/<uuid:pk>/compensate", CompensateView.as_view(), name="process-compensate"),
    path("commands", CommandsView.as_view(), name="commands"),
    path("commands/<uuid:pk>", CommandView.as_view(), name="command"),
    path("commands/claim", ClaimView.as_view(), name="claim"),
    path("commands/<uuid:pk>/extend", ExtendView.as_view(), name="extend"),
    path("commands/<uuid:pk>/release", ReleaseView.as_view(), name="release"),
    path("commands/<uuid:pk>/succeed", SucceedView.as_view(), name="succeed"),
    path("commands/<uuid:pk>/fail", FailView.as_view(), name="fail"),
    path("replies", RepliesView.as_view(), name="replies"),
    path("replies/<int:pk>/acknowledge", AcknowledgeView.as_view(), name="acknowledge"),
]
