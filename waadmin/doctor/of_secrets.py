"""Whether what is stored can be read: the newest key, one value of each encrypted column, and our own keys."""

from collections.abc import Iterator
from datetime import datetime
from secrets import token_bytes

from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from providers import keys
from providers.encryption import WrongEncryptionKey, decrypt, encrypt
from providers.models import Key
from providers.rotation import samples
from waadmin.doctor.finding import Finding, bad, not_checked, ok

_NEWEST, _STORED, _OWN = "secrets", "stored secrets", "own keys"
_PUT_BACK = "Put the key back that wrote it, behind the newest one in FIELD_ENCRYPTION_KEYS, and restart everything."


def newest_key(now: datetime) -> Iterator[Finding]:
    """Encrypt something and read it again."""
    canary = token_bytes(16)
    try:
        read = decrypt(encrypt(canary))
    except (ImproperlyConfigured, WrongEncryptionKey) as error:
        mend = "Write Fernet keys into FIELD_ENCRYPTION_KEYS, separated by commas, newest first (docs/settings.md)."
        yield bad(_NEWEST, str(error).partition(":")[0] + ".", mend)
        return
    seen = "The newest key of FIELD_ENCRYPTION_KEYS encrypts, and what it wrote is read."
    yield ok(_NEWEST, seen) if read == canary else bad(_NEWEST, "What was encrypted came back as something else.", "")


def stored(now: datetime) -> Iterator[Finding]:
    """Read a few values of every encrypted column."""
    columns, unread = 0, []
    for table, column, tokens in samples():
        columns += bool(tokens)
        try:
            for token in tokens:
                decrypt(token)
        except (WrongEncryptionKey, ImproperlyConfigured):
            unread.append(f"{table}.{column}")
    for name in unread:
        yield bad(_STORED, f"{name} holds what no key of FIELD_ENCRYPTION_KEYS reads.", _PUT_BACK)
    if not columns:
        yield not_checked(_STORED, "Nothing encrypted is stored yet.")
    elif not unread:
        yield ok(_STORED, f"A few values of each were read: {columns} encrypted columns hold something.")


def own_keys(now: datetime) -> Iterator[Finding]:
    """Look whether the keys that migrate makes are there, without making them."""
    there = set(Key.objects.values_list("name", flat=True)) if _has_table() else set()
    missing = sorted(set(keys.NAMES) - there)
    if not missing:
        yield ok(_OWN, f"There: {', '.join(sorted(keys.NAMES))}.")
        return
    mend = (
        "Run `migrate` on a new database; on one that was in use restore a backup, since a new key does not know what "
        "the lost one signed."
    )
    yield bad(_OWN, f"Missing: {', '.join(missing)}.", mend)


def _has_table() -> bool:
    return Key._meta.db_table in connection.introspection.table_names()
