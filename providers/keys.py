"""Keys that waadmin makes for itself, once, and keeps encrypted under FIELD_ENCRYPTION_KEYS.

`ledger` signs the heads of the ledger (Ed25519); others are 32 random bytes for a keyed digest. They are made after
the first migrate, and where one is missing when it is first used. Whoever loses them cannot sign as before.
"""

import hashlib
import secrets
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.db import connection

from providers.models import Key

LEDGER = "ledger"
SUPPRESSION = "suppression"
NAMES = (LEDGER, SUPPRESSION)


def make_missing() -> None:
    """Make every key that does not exist yet, without reading those that do; nothing where there is no table yet."""
    if not _there():
        return
    for name in set(NAMES) - set(Key.objects.values_list("name", flat=True)):
        key_bytes(name)


def read_all() -> None:
    """Read every key and keep none of them; there may be none, nor a table.

    :raises WrongEncryptionKey: when FIELD_ENCRYPTION_KEYS lacks the key that encrypted one.
    """
    for key in Key.objects.all() if _there() else ():
        bytes(key.secret)


def key_bytes(name: str) -> bytes:
    """Give the 32 bytes of the key `name`, made now if there is none yet.

    :raises WrongEncryptionKey: when FIELD_ENCRYPTION_KEYS lacks the key that encrypted it.
    """
    key, _made = Key.objects.get_or_create(
        name=name, defaults={"secret": secrets.token_bytes(32), "made_at": datetime.now(UTC)}
    )
    return bytes(key.secret)


def signing_key() -> Ed25519PrivateKey:
    """Give the private key that signs the heads of the ledger."""
    return Ed25519PrivateKey.from_private_bytes(key_bytes(LEDGER))


def sign(message: bytes) -> bytes:
    """Sign with the ledger's key (Ed25519, 64 bytes)."""
    return signing_key().sign(message)


def public_key_pem() -> str:
    """Give the public half of the ledger's key, to be handed to auditors by another way than the export."""
    return signing_key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def fingerprint() -> str:
    """Give the SHA-256 of the public key as `openssl pkey -pubin -outform DER | sha256sum` does."""
    der = signing_key().public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()


def _there() -> bool:
    return Key._meta.db_table in connection.introspection.table_names()
