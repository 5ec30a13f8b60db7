"""What the settings say: Django's system checks, those for production too, and the secrets of webhooks."""

import re
from collections.abc import Iterator
from datetime import datetime

from django.conf import settings
from django.core import checks

from waadmin.checks import DATABASE_TAGS
from waadmin.doctor.finding import Finding, bad, ok, warn

_SETTINGS, _WEBHOOKS = "settings", "webhook settings"
#: Meta's app secrets are 32 hexadecimal digits.
_APP_SECRET = re.compile(r"[0-9a-f]{32}")
_SHORTEST_TOKEN = 16
#: The newest, and the one before it until Meta no longer delivers what it signed.
_SECRETS_AT_ONCE = 2


def system_checks(now: datetime) -> Iterator[Finding]:
    """Run every system check but those of the database, which are looked at one by one."""
    tags = checks.registry.registry.tags_available(deployment_checks=True) - DATABASE_TAGS
    found = [
        message
        for message in checks.run_checks(tags=sorted(tags), include_deployment_checks=True)
        if not message.is_silenced()
    ]
    for message in found:
        say = bad if message.is_serious() else warn
        mend = str(message.hint or "Change the setting that it names (docs/settings.md).")
        yield say(_SETTINGS, f"{message.id}: {' '.join(str(message.msg).split())}", " ".join(mend.split()))
    if not found:
        yield ok(_SETTINGS, "The system checks, those for production too, have nothing to say.")


def webhooks(now: datetime) -> Iterator[Finding]:
    """Look at the shape of the webhooks' secrets; whether they are there is a system check."""
    secrets, token = [secret for secret in settings.META_APP_SECRET if secret], settings.META_WEBHOOK_VERIFY_TOKEN
    found = []
    if token and token in secrets:
        seen = "META_WEBHOOK_VERIFY_TOKEN is also an app secret: it is sent in the open when the webhook is registered."
        mend = "Set META_WEBHOOK_VERIFY_TOKEN to another random text, and register the webhook again."
        found.append(bad(_WEBHOOKS, seen, mend))
    if token and len(token) < _SHORTEST_TOKEN:
        seen = f"META_WEBHOOK_VERIFY_TOKEN has fewer than {_SHORTEST_TOKEN} characters: it can be guessed."
        found.append(warn(_WEBHOOKS, seen, "Set it to a longer random text, and register the webhook again."))
    if secrets and not _APP_SECRET.fullmatch(secrets[0]):
        seen = "The newest META_APP_SECRET is not 32 hexadecimal digits, as Meta's are."
        mend = "Copy the secret of your Meta app (App settings, Basic); where there is no Meta app all is well."
        found.append(warn(_WEBHOOKS, seen, mend))
    if len(secrets) > _SECRETS_AT_ONCE:
        seen = f"META_APP_SECRET holds {len(secrets)} secrets; each of them signs webhooks that are taken."
        mend = "Take those out that were replaced more than seven days ago."
        found.append(warn(_WEBHOOKS, seen, mend))
    yield from found or [ok(_WEBHOOKS, f"The verify token is there, and {len(secrets)} app secret(s).")]
