"""Under ``/api/``, after everything else there: the last one answers whatever is not known."""

from django.urls import path

from processes.api.views.about import DocsView, ProblemKindView, SchemaView, UnknownView

urlpatterns = [
    path("schema/", SchemaView.as_view(), name="api-schema"),
    path("docs/", DocsView.as_view(), name="api-docs"),
    path("problems/<slug:slug>", ProblemKindView.as_view(), name="api-problem"),
    path("<path:unknown>", UnknownView.as_view()),
]
