"""System checks: what must be right before anything runs, each with an id and the next step.

They run under every command. Those about triggers only warn under `migrate`, which makes missing triggers anew.
"""

from collections.abc import Sequence
from typing import Any

from cryptography.fernet import Fernet
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as Caution
from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS
from django.db import Error as DatabaseError

from audit import triggers
from providers import keys
from providers.encryption import WrongEncryptionKey
from waadmin import logs, reporting
from waadmin.backup import unfinished

#: Not Django's `database` tag: commands that must run on a damaged database name the tags that they want.
TRIGGERS_TAG = "triggers"
STORED_KEYS_TAG = "stored_keys"
RESTORE_TAG = "restore"
#: Those that look into the database.
DATABASE_TAGS = frozenset({TRIGGERS_TAG, STORED_KEYS_TAG, RESTORE_TAG, Tags.database})

_NEW_KEY = 'python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"'
_RANDOM_TEXT = 'python -c "import secrets; print(secrets.token_urlsafe(50))"'


def check_secrets(**kwargs: Any) -> list[CheckMessage]:
    """Refuse to run with an empty secret: none has a silent default."""
    found: list[CheckMessage] = []
    try:
        secret_key = settings.SECRET_KEY
    except ImproperlyConfigured:
        secret_key = ""
    if not secret_key:
        found.append(
            Error(
                "SECRET_KEY is empty.", hint=f"Set SECRET_KEY to a long random text: {_RANDOM_TEXT}", id="waadmin.E001"
            )
        )
    if not settings.FIELD_ENCRYPTION_KEYS:
        found.append(
            Error(
                "FIELD_ENCRYPTION_KEYS is empty: credentials and personal data could not be encrypted.",
                hint=f"Set FIELD_ENCRYPTION_KEYS to a Fernet key, and keep a copy of it: {_NEW_KEY}",
                id="waadmin.E002",
            )
        )
    elif not all(_is_fernet_key(key) for key in settings.FIELD_ENCRYPTION_KEYS):
        found.append(
            Error(
                "FIELD_ENCRYPTION_KEYS holds a value that is not a Fernet key.",
                hint=f"Write Fernet keys separated by commas, newest first. Make one: {_NEW_KEY}",
                id="waadmin.E003",
            )
        )
    if not any(settings.META_APP_SECRET):
        found.append(
            Error(
                "META_APP_SECRET is empty: anybody could send us webhooks in Meta's name.",
                hint="Set META_APP_SECRET to the app secret of your Meta app (App settings, Basic), "
                f"or to a random text where no Meta app is used: {_RANDOM_TEXT}",
                id="waadmin.E004",
            )
        )
    if not settings.META_WEBHOOK_VERIFY_TOKEN:
        found.append(
            Error(
                "META_WEBHOOK_VERIFY_TOKEN is empty: Meta's webhook could not be registered.",
                hint="Set META_WEBHOOK_VERIFY_TOKEN to a random text and give the same text to Meta when you register "
                f"the webhook: {_RANDOM_TEXT}",
                id="waadmin.E005",
            )
        )
    return found


def check_hosts(**kwargs: Any) -> list[CheckMessage]:
    """Warn where every request would be refused."""
    if settings.DEBUG or settings.ALLOWED_HOSTS:
        return []
    return [
        Caution(
            "ALLOWED_HOSTS is empty: every request is answered with 400.",
            hint="Set ALLOWED_HOSTS to the names under which people reach the console, separated by commas.",
            id="waadmin.W001",
        )
    ]


def check_local_providers(**kwargs: Any) -> list[CheckMessage]:
    """Warn where a setting for the sandbox seems to have reached production."""
    if not (settings.PROVIDERS_ALLOW_LOCAL and settings.SECURE_SSL_REDIRECT):
        return []
    return [
        Caution(
            "PROVIDERS_ALLOW_LOCAL is on beside SECURE_SSL_REDIRECT: provider accounts may speak plain http here.",
            hint="Set PROVIDERS_ALLOW_LOCAL=0 in production; it is meant for the sandbox and for tests.",
            id="waadmin.W002",
        )
    ]


def check_logs_and_reports(**kwargs: Any) -> list[CheckMessage]:
    """Warn where lines or reports of errors do not go as somebody thinks."""
    found: list[CheckMessage] = []
    if settings.LOG_FORMAT not in logs.FORMATS:
        found.append(
            Caution(
                f"LOG_FORMAT is {settings.LOG_FORMAT!r}: log lines are written as JSON.",
                hint=f"Set LOG_FORMAT to one of {', '.join(logs.FORMATS)}.",
                id="waadmin.W005",
            )
        )
    if settings.SENTRY_DSN and not reporting.is_installed():
        found.append(
            Caution(
                "SENTRY_DSN is set and sentry-sdk is not installed: errors are reported nowhere.",
                hint="Install it: python -m pip install 'sentry-sdk>=2.20'. Or leave SENTRY_DSN empty.",
                id="waadmin.W006",
            )
        )
    return found


def check_second_factor_roles(**kwargs: Any) -> list[CheckMessage]:
    """Warn of a role that does not exist: a slip of the pen would ask nobody; silent without a database."""
    from django.contrib.auth.models import Group

    from waadmin.roles import ROLES
    from waadmin.sign_in.second_factor import SUPERUSERS

    unknown = set(settings.SECOND_FACTOR_ROLES) - {SUPERUSERS, *(role.name for role in ROLES)}
    try:
        unknown -= set(Group.objects.filter(name__in=unknown).values_list("name", flat=True)) if unknown else set()
    except (DatabaseError, ImproperlyConfigured, OSError):
        return []
    return [
        Caution(
            f"SECOND_FACTOR_ROLES names {name!r}, which no group is called.",
            hint="Write the names of groups as the console shows them, separated by commas; Superusers is one too.",
            id="waadmin.W004",
        )
        for name in sorted(unknown)
    ]


def check_triggers(databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Tell which triggers are missing; silent where the tables do not exist yet or the database does not answer."""
    try:
        missing = [name for alias in databases or [DEFAULT_DB_ALIAS] for name in triggers.missing(alias)]
    except (DatabaseError, ImproperlyConfigured, OSError):
        return []
    if not missing:
        return []
    text = f"Database triggers are missing: {', '.join(missing)}. Raw SQL could now change what must never change."
    hint = "Run `manage.py migrate`, which makes them anew; then find out who dropped them."
    # Only `migrate` and `check --database` name databases, and migrate is what mends this.
    if databases is not None:
        return [Caution(text, hint=hint, id="waadmin.W003")]
    return [Error(text, hint=hint, id="waadmin.E006")]


def check_encryption_key(**kwargs: Any) -> list[CheckMessage]:
    """Refuse to run with keys that do not read what is stored; silent where nothing is stored or nothing answers."""
    try:
        keys.read_all()
    except (DatabaseError, ImproperlyConfigured, OSError):
        return []
    except WrongEncryptionKey:
        return [
            Error(
                "FIELD_ENCRYPTION_KEYS holds none of the keys that this database was encrypted with.",
                hint="Put the key back that wrote it; a new key goes in front of it, and `rotate_keys` follows.",
                id="waadmin.E007",
            )
        ]
    return []


def check_restore(**kwargs: Any) -> list[CheckMessage]:
    """Refuse to run on a database that a restore has not finished; silent where nothing answers."""
    try:
        half_done = unfinished.is_marked()
    except (DatabaseError, ImproperlyConfigured, OSError):
        return []
    if not half_done:
        return []
    return [
        Error(
            "A restore into this database was not finished: people who were erased may be in it again.",
            hint="Make a new empty database, name it in DATABASE_URL, and run `manage.py restore DIR` into that.",
            id="waadmin.E008",
        )
    ]


def register_all() -> None:
    """Register every check of this module."""
    register(check_secrets, Tags.security)
    register(check_hosts, Tags.security)
    register(check_local_providers, Tags.security)
    register(check_second_factor_roles, Tags.security)
    register(check_logs_and_reports)
    register(check_triggers, TRIGGERS_TAG)
    register(check_encryption_key, STORED_KEYS_TAG)
    register(check_restore, RESTORE_TAG)


def _is_fernet_key(key: str) -> bool:
    try:
        Fernet(key)
    except ValueError:
        return False
    return True
