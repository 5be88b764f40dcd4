from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import include, path
from django.views.generic import RedirectView

admin.site.site_header = admin.site.site_title = "Command bus"
admin.site.index_title = "Operations"
admin.site.site_url = None  # the console is the site
admin.site.enable_nav_sidebar = False  # the tables need the room


def no_page_on_site(_request: HttpRequest, **_address: str) -> HttpResponse:
    """In the place of the admin's way to a row's page on the site.

    No row has one, and Django's own answers an id that is none with a server error.
    """
    raise Http404


urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/r/<path:address>", admin.site.admin_view(no_page_on_site)),
    path("admin/", admin.site.urls),
    path("api/v1/", include("processes.api.urls")),
    path("api/v1/tsq/", include("tsq.api.urls")),
    path("api/", include("processes.api.about_urls")),
    path("", include("processes.health.urls")),
]
