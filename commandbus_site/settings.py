"""All settings; nothing else reads the environment. The README has a table of the variables."""

import os
from pathlib import Path
from typing import TypedDict

from commandbus_site import embedded_postgres, environment
from commandbus_site.secret_key import secret_key

BASE_DIR = Path(__file__).resolve().parent.parent
VAR = BASE_DIR / "var"

# Security

DEBUG = environment.switch("DEBUG", default=False)
SECRET_KEY = environment.text("SECRET_KEY", "") or secret_key(VAR / "secret_key")
ALLOWED_HOSTS = environment.names("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = environment.names("CSRF_TRUSTED_ORIGINS", [])

HTTPS = environment.switch("COMMANDBUS_HTTPS", default=not DEBUG)
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^(livez|readyz)$"]  # whoever probes asks past the proxy
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SESSION_COOKIE_AGE = 12 * 3600

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{validator}"}
    for validator in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

# The site

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "knox",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_filters",
    # Before django_q: our qcluster command takes the place of django-q2's.
    "processes.bus",
    "processes",
    "processes.definitions.statement_report",
    "tsq",
    "django_q",
]

MIDDLEWARE = [
    "processes.requests.RequestIdMiddleware",
    "processes.api.middleware.ApiMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

ROOT_URLCONF = "commandbus_site.urls"
WSGI_APPLICATION = "commandbus_site.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = VAR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}

# REST access

COMMANDBUS_API_MAX_BYTES = environment.whole_number("COMMANDBUS_API_MAX_BYTES", 1_048_576)
DATA_UPLOAD_MAX_MEMORY_SIZE = max(2_621_440, COMMANDBUS_API_MAX_BYTES)
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "processes.api.auth.ServiceToken",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["processes.api.parsing.JsonParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "processes.api.parsing.Negotiation",
    "DEFAULT_SCHEMA_CLASS": "processes.api.schema.ApiSchema",
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_THROTTLE_CLASSES": [
        "rest_framework.throttling.UserRateThrottle",
        "rest_framework.throttling.AnonRateThrottle",
    ],
    "DEFAULT_THROTTLE_RATES": {
        "user": environment.rate("COMMANDBUS_API_RATE", "6000/min"),
        "anon": environment.rate("COMMANDBUS_API_ANONYMOUS_RATE", "60/min"),
    },
    "EXCEPTION_HANDLER": "processes.api.problems.answer_to",
    "URL_FORMAT_OVERRIDE": None,
}
REST_KNOX = {"TOKEN_TTL": None}  # a service's token lives until it is revoked
SPECTACULAR_SETTINGS = {
    "TITLE": "Command bus",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "DESCRIPTION": (
        "Start processes, send and execute commands, resolve what waits in the troubleshooting "
        "queue, and see what becomes of it all. Every change needs an Idempotency-Key; whatever "
        "is refused is answered with problem details (RFC 9457)."
    ),
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "DISABLE_DOCSTRING_DESCRIPTIONS": True,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "ENUM_NAME_OVERRIDES": {
        "ProcessStatus": "processes.states.ProcessStatus",
        "CommandStatus": "processes.bus.states.CommandStatus",
        "EventType": "processes.bus.states.EventType",
        "StepDirection": "processes.states.Direction",
        "StepOutcome": "processes.states.StepOutcome",
        "StartStatus": "processes.starting.StartStatus",
        "ReplyOutcome": "processes.bus.states.ReplyOutcome",
        "OperationStatus": "tsq.models.bulk.BulkStatus",
        "ItemOutcome": "tsq.bulk.filters.OUTCOMES",
        "Channel": "processes.states.Channel",
        "OperatorVerb": "processes.states.OperatorVerb",
        "OperationVerb": "tsq.bulk.filters.VERBS",
        "FailureKind": "processes.api.external.KINDS",
    },
}

# Database. Connections stay open: opening one costs more than a whole batch of commands. A random
# page costs little more than the next one, as on any SSD; told otherwise, PostgreSQL plans to
# scan tables whole while they are small, and keeps the plan of a prepared statement as they grow.

PLANNING = "-c random_page_cost=1.1"
_database = environment.database("DATABASE_URL") or embedded_postgres.database_settings()
DATABASES = {
    "default": {
        **_database,
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "options": PLANNING,
            # A database that swallows what it is sent counts as lost after so long (s, ms).
            "connect_timeout": 10,
            "tcp_user_timeout": 30_000,
            **_database.get("OPTIONS", {}),
        },
    }
}

# Mail

_mail = environment.mail("EMAIL_URL") or {
    "EMAIL_BACKEND": "django.core.mail.backends.filebased.EmailBackend",
    "EMAIL_FILE_PATH": str(VAR / "mail"),
}
EMAIL_BACKEND = _mail["EMAIL_BACKEND"]
EMAIL_FILE_PATH = _mail["EMAIL_FILE_PATH"]
EMAIL_HOST = _mail.get("EMAIL_HOST") or "localhost"
EMAIL_PORT = _mail.get("EMAIL_PORT") or 25
EMAIL_HOST_USER = _mail.get("EMAIL_HOST_USER") or ""
EMAIL_HOST_PASSWORD = _mail.get("EMAIL_HOST_PASSWORD") or ""
EMAIL_USE_TLS = _mail.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = _mail.get("EMAIL_USE_SSL", False)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = environment.text("DEFAULT_FROM_EMAIL", "commandbus@localhost")

# The command bus


class CommandBusSettings(TypedDict):
    WORKERS: int
    BATCH_SIZE: int
    LEASE_SECONDS: float
    MAX_ATTEMPTS: int
    BACKOFF_SECONDS: tuple[float, ...]
    THREADS: int
    NO_HANDLER_SECONDS: float


COMMANDBUS: CommandBusSettings = {
    "WORKERS": environment.whole_number("COMMANDBUS_WORKERS", os.cpu_count() or 1),
    "BATCH_SIZE": environment.whole_number("COMMANDBUS_BATCH_SIZE", 100),
    "LEASE_SECONDS": environment.seconds("COMMANDBUS_LEASE_SECONDS", 60),
    "MAX_ATTEMPTS": environment.whole_number("COMMANDBUS_MAX_ATTEMPTS", 3),
    "BACKOFF_SECONDS": environment.list_of_seconds("COMMANDBUS_BACKOFF_SECONDS", (10, 60, 300)),
    "THREADS": environment.whole_number("COMMANDBUS_THREADS", 16),
    "NO_HANDLER_SECONDS": environment.seconds("COMMANDBUS_NO_HANDLER_SECONDS", 600),
}
COMMANDBUS_TYPED_COUNT_ABOVE = environment.whole_number("COMMANDBUS_TYPED_COUNT_ABOVE", 100)
COMMANDBUS_KEEP_DAYS = environment.whole_number_or_none("COMMANDBUS_KEEP_DAYS")
COMMANDBUS_SITE_URL = environment.site_address("COMMANDBUS_SITE_URL", "http://localhost:8000")
COMMANDBUS_OLD_AFTER_SECONDS = environment.list_of_seconds(
    "COMMANDBUS_OLD_AFTER_SECONDS", (3600, 86400)
)
COMMANDBUS_DEFINITIONS = ["processes.definitions.statement_report"]
COMMANDBUS_STATEMENTS_DIR = Path(
    environment.text("COMMANDBUS_STATEMENTS_DIR", str(VAR / "statements"))
)

Q_CLUSTER = {
    "name": "commandbus",
    "orm": "default",
    "broker_class": "processes.broker.Broker",
    "workers": COMMANDBUS["WORKERS"],
    "queue_limit": COMMANDBUS["WORKERS"] + 1,  # as many as our broker ever has waiting
    "recycle": 10_000,  # tasks until a worker makes room for a fresh one
    # Ordinary tasks only; commands keep their own leases and retries:
    "timeout": 300,
    "retry": 330,
    "max_attempts": 3,
    "save_limit": 250,  # successes kept
    "catch_up": False,  # a schedule missed while no worker ran is not made up for
}

# Logging

LOG_LEVEL = environment.one_of(
    "COMMANDBUS_LOG_LEVEL", ("DEBUG", "INFO", "WARNING", "ERROR"), default="INFO"
)
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "one_line": {
            "()": "commandbus_site.logs.OneLineFormatter",
            "format": "{asctime} {levelname} {name} {message}",
            "style": "{",
        },
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "one_line"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
}
