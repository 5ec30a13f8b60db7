"""Bytes that are encrypted at rest with a key of `providers`, which this app may not import: waadmin registers how."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.db import models

if TYPE_CHECKING:
    _BinaryField = models.BinaryField[Any, Any]
else:
    _BinaryField = models.BinaryField

_Change = Callable[[bytes], bytes]
_cipher: list[tuple[_Change, _Change]] = []


class NoCipher(RuntimeError):
    """Nobody registered how bytes are encrypted."""


def register_cipher(*, encrypt: _Change, decrypt: _Change) -> None:
    """Say how bytes are encrypted from now on."""
    _cipher[:] = [(encrypt, decrypt)]


class SealedBinaryField(_BinaryField):
    """Bytes that are encrypted in the database and plain in Python."""

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        return super().get_db_prep_value(
            None if value is None else _registered()[0](bytes(value)), connection, prepared
        )

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> bytes | None:
        return None if value is None else _registered()[1](bytes(value))

    def value_to_string(self, obj: models.Model) -> str:
        return _registered()[0](bytes(self.value_from_object(obj))).decode()  # dumpdata must not carry it in the open

    def to_python(self, value: Any) -> Any:
        return _registered()[1](value.encode()) if isinstance(value, str) else value


def _registered() -> tuple[_Change, _Change]:
    if not _cipher:
        raise NoCipher("no cipher is registered: waadmin/apps.py does that")
    return _cipher[0]
