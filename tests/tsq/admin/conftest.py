from tests.support.console import console, plain_http  # noqa: F401 - fixtures
