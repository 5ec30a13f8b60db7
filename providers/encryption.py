"""Encryption at rest with FIELD_ENCRYPTION_KEYS (Fernet, newest first): older keys read, the newest writes."""

import json
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models

from providers.secret import Secret

if TYPE_CHECKING:
    _BinaryField = models.BinaryField[Any, Any]
else:
    _BinaryField = models.BinaryField


class WrongEncryptionKey(RuntimeError):
    """Stored bytes cannot be read with any key of FIELD_ENCRYPTION_KEYS."""


def encrypt(plain: bytes) -> bytes:
    """Encrypt with the newest key.

    :raises ImproperlyConfigured: when FIELD_ENCRYPTION_KEYS is empty or not Fernet keys.
    """
    return _fernet().encrypt(plain)


def decrypt(token: bytes) -> bytes:
    """Decrypt with whichever key fits.

    :raises WrongEncryptionKey: when none does.
    """
    try:
        return _fernet().decrypt(token)
    except InvalidToken:
        raise WrongEncryptionKey(
            "Stored data cannot be decrypted with any key in FIELD_ENCRYPTION_KEYS: put back the one that wrote it."
        ) from None


def _fernet() -> MultiFernet:
    if not settings.FIELD_ENCRYPTION_KEYS:
        raise ImproperlyConfigured("FIELD_ENCRYPTION_KEYS is empty: set it to at least one Fernet key.")
    try:
        return MultiFernet([Fernet(key) for key in settings.FIELD_ENCRYPTION_KEYS])
    except ValueError:
        raise ImproperlyConfigured("FIELD_ENCRYPTION_KEYS holds a value that is not a Fernet key.") from None


class EncryptedBinaryField(_BinaryField):
    """Bytes that are encrypted in the database and plain in Python."""

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        return super().get_db_prep_value(None if value is None else encrypt(bytes(value)), connection, prepared)

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> bytes | None:
        return None if value is None else decrypt(bytes(value))

    def to_python(self, value: Any) -> Any:
        return decrypt(value.encode()) if isinstance(value, str) else value

    def value_to_string(self, obj: models.Model) -> str:
        return encrypt(bytes(self.value_from_object(obj))).decode()  # dumpdata must not carry it in the open


class CredentialsField(_BinaryField):
    """A mapping of names to `Secret` values, encrypted in the database; Python never sees them in the open."""

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        plain = json.dumps({name: secret.reveal() for name, secret in (value or {}).items()}, sort_keys=True)
        return super().get_db_prep_value(encrypt(plain.encode()), connection, prepared)

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> dict[str, Secret]:
        if value is None:
            return {}
        return {name: Secret(text) for name, text in json.loads(decrypt(bytes(value))).items()}

    def to_python(self, value: Any) -> Any:
        return value if isinstance(value, dict) else {}

    def value_to_string(self, obj: models.Model) -> str:
        return ""  # dumpdata must not carry credentials, not even encrypted ones
