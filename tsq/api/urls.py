"""Under ``/api/v1/tsq/``."""

from django.urls import path

from tsq.api.views.care import ClaimView, NotesView, ReleaseView
from tsq.api.views.entries import EntriesView, EntryView, GroupsView, UndoPlanView
from tsq.api.views.operations import ItemsView, OperationsView, OperationView
from tsq.api.views.resolutions import CancelView, CompleteView, EditView, RetryView
from tsq.api.views.steering import PauseView, ResumeView, RetryFailuresView, StopView
from tsq.api.views.stuck_replies import (
    GiveUpView,
    HandleAgainView,
    StuckRepliesView,
    StuckReplyView,
)

app_name = "tsq-api"
urlpatterns = [
    path("entries", EntriesView.as_view(), name="entries"),
    path("entries/<uuid:pk>", EntryView.as_view(), name="entry"),
    path("entries/<uuid:pk>/undo-plan", UndoPlanView.as_view(), name="undo-plan"),
    path("entries/<uuid:pk>/retry", RetryView.as_view(), name="retry"),
    path("entries/<uuid:pk>/complete", CompleteView.as_view(), name="complete"),
    path("entries/<uuid:pk>/cancel", CancelView.as_view(), name="cancel"),
    path("entries/<uuid:pk>/edit", EditView.as_view(), name="edit"),
    path("entries/<uuid:pk>/claim", ClaimView.as_view(), name="claim"),
    path("entries/<uuid:pk>/release", ReleaseView.as_view(), name="release"),
    path("entries/<uuid:pk>/notes", NotesView.as_view(), name="notes"),
    path("groups", GroupsView.as_view(), name="groups"),
    path("stuck-replies", StuckRepliesView.as_view(), name="stuck-replies"),
    path("stuck-replies/<int:pk>", StuckReplyView.as_view(), name="stuck-reply"),
    path("stuck-replies/<int:pk>/handle-again", HandleAgainView.as_view(), name="handle-again"),
    path("stuck-replies/<int:pk>/give-up", GiveUpView.as_view(), name="give-up"),
    path("operations", OperationsView.as_view(), name="operations"),
    path("operations/<uuid:pk>", OperationView.as_view(), name="operation"),
    path("operations/<uuid:pk>/items", ItemsView.as_view(), name="items"),
    path("operations/<uuid:pk>/pause", PauseView.as_view(), name="pause"),
    path("operations/<uuid:pk>/resume", ResumeView.as_view(), name="resume"),
    path("operations/<uuid:pk>/stop", StopView.as_view(), name="stop"),
    path("operations/<uuid:pk>/retry-failures", RetryFailuresView.as_view(), name="retry-failures"),
]
