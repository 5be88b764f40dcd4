"""Somebody at the console: a browser context of their own, watched for errors."""

from django.conf import settings
from playwright.sync_api import ConsoleMessage, Response

from tests.browser.elsewhere import Elsewhere
from tests.support.console import Console


class Visitor:
    """``problems``: errors of scripts, refused by the content security policy, or of the server."""

    def __init__(self, context: Elsewhere, site: str) -> None:
        self.context = context
        self.site = site
        self.problems: list[str] = []
        context.on("weberror", lambda error: self.problems.append(str(error.error)))
        context.on("console", self._hear)
        context.on("response", self._see)
        self.page = context.new_page()

    def log_in(self, console: Console) -> None:
        """By the session of a console of the tests: the login page has a test of its own."""
        session = console.client.cookies[settings.SESSION_COOKIE_NAME].value
        self.context.add_cookies(
            [{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": self.site}]
        )

    def _hear(self, message: ConsoleMessage) -> None:
        where = message.location["url"]  # none in what a test evaluates, axe-core above all
        is_of_response = message.text.startswith("Failed to load resource")
        if message.type == "error" and where and not is_of_response:
            self.problems.append(f"{message.text} ({where})")

    def _see(self, response: Response) -> None:
        is_missing_file = response.status == 404 and response.request.resource_type != "document"
        if response.status >= 500 or is_missing_file:
            self.problems.append(f"{response.status} {response.url}")
