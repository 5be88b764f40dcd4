"""Settings of the demo that a test starts: the site's own, on the test's database."""

import os

from commandbus_site.settings import *  # noqa: F403
from commandbus_site.settings import DATABASES

DATABASES["default"]["NAME"] = os.environ["TEST_DATABASE"]
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
