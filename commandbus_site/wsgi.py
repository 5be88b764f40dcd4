import os

from django.core.handlers.wsgi import WSGIRequest
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "commandbus_site.settings")


class Utf8Request(WSGIRequest):
    """Whatever charset a caller claims; Django itself fails on one that is none of a text."""

    encoding = property(lambda _self: None, lambda _self, _claimed: None)


application = get_wsgi_application()
application.request_class = Utf8Request
