"""What gunicorn serves."""

import io
from typing import Any

import pytest
from django.test import RequestFactory

from commandbus_site.wsgi import application


@pytest.mark.parametrize("charset", ["hex", "rot13", "utf-16", "nonsense"])
def test_a_claimed_charset_does_no_harm(charset):
    answers: list[str] = []
    request = RequestFactory().get("/api/v1/nope?x=%C3%A4")
    environ: dict[str, Any] = request.environ | {
        "CONTENT_TYPE": f"application/json; charset={charset}",
        "wsgi.input": io.BytesIO(),
        "wsgi.url_scheme": "https",
    }

    application(environ, lambda status, _headers: answers.append(status))

    assert answers == ["404 Not Found"]
