"""Under ``/api/v1/``."""

from django.urls import path

from processes.api.views.commands import CommandsView, CommandView
from processes.api.views.processes import BatchView, CompensateView, ProcessesView, ProcessView

app_name = "api"
urlpatterns = [
    path("processes", ProcessesView.as_view(), name="processes"),
    path("processes/batch", BatchView.as_view(), name="process-batch"),
    path("processes/<uuid:pk>", ProcessView.as_view(), name="process"),
    path("processes/<uuid:pk>/compensate", CompensateView.as_view(), name="process-compensate"),
    path("commands", CommandsView.as_view(), name="commands"),
    path("commands/<uuid:pk>", CommandView.as_view(), name="command"),
]
