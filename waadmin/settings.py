"""Settings, read from the environment only; docs/settings.md explains each, and a test keeps it complete."""

from datetime import timedelta
from typing import Any

import environ
from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

from waadmin import BASE_DIR, logs

env = environ.Env()
environ.Env.read_env(BASE_DIR / ".env")

DEBUG: bool = env.bool("DEBUG", default=False)
SECRET_KEY: str = env.str("SECRET_KEY", default="")
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=[])
FIELD_ENCRYPTION_KEYS: list[str] = env.list("FIELD_ENCRYPTION_KEYS", default=[])
META_APP_SECRET: list[str] = env.list("META_APP_SECRET", default=[])
META_WEBHOOK_VERIFY_TOKEN: str = env.str("META_WEBHOOK_VERIFY_TOKEN", default="")
PROVIDERS_ALLOW_LOCAL: bool = env.bool("PROVIDERS_ALLOW_LOCAL", default=False)
#: Where the demo's sandbox shows its phone and its people: the banner of a demo leads there.
SANDBOX_URL: str = env.str("SANDBOX_URL", default="")
SECURE_SSL_REDIRECT: bool = env.bool("SECURE_SSL_REDIRECT", default=True)
REDIS_URL: str = env.str("REDIS_URL", default="")
STOP_WORDS: list[str] = env.list("STOP_WORDS", default=[])
ERASURE_JOURNAL: str = env.str("ERASURE_JOURNAL", default=str(BASE_DIR / "erasures.jsonl"))
SECURE_PROXY: bool = env.bool("SECURE_PROXY", default=False)
#: Follows TLS as cookies and HSTS do: without it a session can be read on its way, whatever it began with.
SECOND_FACTOR_ROLES: list[str] = env.list(
    "SECOND_FACTOR_ROLES",
    default=["Business admins", "Support staff", "Auditors", "Viewers", "Superusers"] if SECURE_SSL_REDIRECT else [],
)
SESSION_IDLE_MINUTES: int = env.int("SESSION_IDLE_MINUTES", default=30)
SESSION_HOURS: int = env.int("SESSION_HOURS", default=12)
METRICS_TOKEN: str = env.str("METRICS_TOKEN", default="")
LOG_FORMAT: str = env.str("LOG_FORMAT", default="text" if DEBUG else "json")
SENTRY_DSN: str = env.str("SENTRY_DSN", default="")

DATABASES: dict[str, dict[str, Any]] = {
    "default": env.db_url("DATABASE_URL", default=f"sqlite:///{BASE_DIR / 'waadmin.sqlite3'}")
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"].setdefault("OPTIONS", {}).update(
        # IMMEDIATE: a transaction that reads and then writes would otherwise lose to "database is locked".
        # FULL: an acknowledged webhook must survive a power cut.
        transaction_mode="IMMEDIATE",
        timeout=20,
        init_command="PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA busy_timeout=20000",
    )
else:
    # The gate's own statement is prepared, unless DATABASE_URL ends with ?prepare_threshold=0 (for an old PgBouncer).
    options = DATABASES["default"].setdefault("OPTIONS", {})
    options["prepare_threshold"] = options.get("prepare_threshold", 5) or None
    DATABASES["default"].setdefault("CONN_MAX_AGE", 600)
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

if REDIS_URL:
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}

INSTALLED_APPS = [
    "waadmin.apps.WaadminConfig",
    "waadmin.apps.WaadminAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "csp",
    "axes",
    "django_otp",
    "django_q",
    "webhooks.apps.WebhooksConfig",
    "contacts.apps.ContactsConfig",
    "numbers.apps.NumbersConfig",
    "providers.apps.ProvidersConfig",
    "audit.apps.AuditConfig",
]

MIDDLEWARE = [
    "waadmin.request_ids.RequestIdMiddleware",
    # These three are the next, so that every answer has its headers: static files, refusals and errors too.
    "waadmin.headers.SecurityHeaders",
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "waadmin.probes.ProbesMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "waadmin.preferences.PreferencesMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "waadmin.sign_in.middleware.SignInMiddleware",
    "contacts.masking.NumbersMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "waadmin.urls"
WSGI_APPLICATION = "waadmin.wsgi.application"
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
    }
]

AUTHENTICATION_BACKENDS = [
    "waadmin.sign_in.throttle.ThrottlingBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "admin:login"
OTP_TOTP_ISSUER = "waadmin"
# A name is locked for the address that typed it wrongly, and nobody else is: an address alone may be a whole office or
# our own proxy, and a name alone would let anybody lock anybody out.
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_RESET_ON_SUCCESS = True
AXES_CLIENT_IP_CALLABLE = "waadmin.sign_in.throttle.client_address"
AXES_LOCKOUT_CALLABLE = "waadmin.sign_in.throttle.locked_out"
AXES_DISABLE_ACCESS_LOG = True  # who signed in stands in the ledger
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
# `next` may hold a number that somebody searched for; nothing of what was posted is of use to anybody.
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "user_agent", "next", "csrfmiddlewaretoken", "code"]

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("es", _("Spanish"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = "waadmin.formats"
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "static/"
WHITENOISE_ALLOW_ALL_ORIGINS = False
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "waadmin" / "static", ("help", BASE_DIR / "docs" / "pictures")]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        # Hashed names need collected files; `serve` collects them, tests and the development server do without.
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = SESSION_HOURS * 3600
SESSION_COOKIE_SAMESITE = "Lax"
SECURE_HSTS_SECONDS = 31_536_000 if SECURE_SSL_REDIRECT else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SECURE_SSL_REDIRECT else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# HSTS for all subdomains and preload concern the customer's whole domain: theirs to decide, not ours.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],  # the stock admin draws two of its icons from data: URLs
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5_000

# Delivery only: tasks carry a primary key, and every one may run twice, late or never (docs/decisions.md).
# A task works for at most 60 s and then queues its successor; retry must exceed
# timeout * (ceil((queue_limit + bulk) / workers) + 1), because its clock starts when the row is fetched.
Q_CLUSTER = {
    "name": "waadmin",
    "orm": "default",
    "workers": 4,
    "queue_limit": 4,
    "bulk": 1,
    "timeout": 150,
    "retry": 600,
    "max_attempts": 3,
    "ack_failures": True,
    "catch_up": False,
    "poll": 0.5,
    "save_limit": 200,
    "save_limit_per": "func",
    "label": "Background work",
}

LOGGING = logs.configuration(LOG_FORMAT)
