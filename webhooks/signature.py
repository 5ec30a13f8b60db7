"""Meta's signature: HMAC-SHA256 of the raw body with the app secret, as X-Hub-Signature-256.

Follows the Cloud API document's webhooks. During a rotation several secrets of META_APP_SECRET are valid, newest first.
"""

import hashlib
import hmac
import re

from django.conf import settings

from providers.secret import Secret

# Exactly one, whole and in small letters, as Meta writes it: two headers arrive joined by a comma and are refused.
_HEADER = re.compile(r"sha256=([0-9a-f]{64})")


def app_secrets() -> tuple[Secret, ...]:
    """Give the app secrets that are valid now, newest first; an empty one never is."""
    return tuple(Secret(text) for entry in settings.META_APP_SECRET if (text := entry.strip()))


def sign(body: bytes, secret: Secret) -> str:
    """Give the header's value for these bytes."""
    return f"sha256={hmac.new(secret.reveal().encode(), body, hashlib.sha256).hexdigest()}"


def is_signed(body: bytes, header: str) -> bool:
    """Tell whether the header is the signature of exactly these bytes with one of our secrets."""
    if not _HEADER.fullmatch(header):
        return False
    # As bytes: compare_digest of texts raises for what is not ASCII. Every secret is tried, whichever fits.
    given = header.encode()
    return sum(hmac.compare_digest(given, sign(body, secret).encode()) for secret in app_secrets()) > 0
