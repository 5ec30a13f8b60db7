"""Encrypting everything anew with the newest key of FIELD_ENCRYPTION_KEYS, while people go on working.

It may be stopped and begun again at any time: what the newest key reads already is left alone. Rows that somebody holds
at the moment are passed over and tried again at the end.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from django.apps import apps
from django.conf import settings
from django.db import connection, models, transaction
from django.db.models import Field

from audit import ledger
from audit.sealed import SealedBinaryField
from providers.encryption import CredentialsField, EncryptedBinaryField, WrongEncryptionKey, decrypt, encrypt

#: Every kind of column that `providers.encryption` writes.
ENCRYPTED = (EncryptedBinaryField, CredentialsField, SealedBinaryField)
_ROWS, _BYTES = 200, 4_000_000
#: So often rows that were held, or written with an older key meanwhile, are looked at again.
_PASSES = 5
#: So many rows at each end of a table are looked at for a sample.
_ENDS = 500


@dataclass(slots=True)
class Rotated:
    """What became of one column: values encrypted anew, those that somebody held, and those that no key reads."""

    table: str
    column: str
    rotated: int = 0
    held: int = 0
    unreadable: int = 0

    @property
    def complete(self) -> bool:
        """Tell whether the newest key reads the whole column."""
        return not self.held and not self.unreadable


def encrypted_fields() -> Iterator[tuple[type[models.Model], "Field[Any, Any]"]]:
    """Give every encrypted column of every model."""
    for model in apps.get_models(include_auto_created=True):
        for field in model._meta.local_concrete_fields:
            if isinstance(field, ENCRYPTED):
                yield model, field


def samples() -> Iterator[tuple[str, str, list[bytes]]]:
    """Give of every encrypted column, by table and name, stored values as they lie: of its oldest and newest rows."""
    for model, field in encrypted_fields():
        table, key, column = _names(model, field)
        tokens = []
        with connection.cursor() as cursor:
            for order in ("ASC", "DESC"):
                # Only near the ends: where retention has emptied most rows, more would read the whole table.
                cursor.execute(
                    f"SELECT {column} FROM "
                    f"(SELECT {key}, {column} FROM {table} ORDER BY {key} {order} LIMIT {_ENDS}) ends "
                    f"WHERE {column} IS NOT NULL ORDER BY {key} {order} LIMIT 1"
                )
                tokens += [token for (value,) in cursor.fetchall() if (token := bytes(value or b""))]
        yield model._meta.db_table, field.name, tokens


def rotate(*, actor: str, now: datetime) -> Iterator[Rotated]:
    """Encrypt every value with the newest key, column by column; give each column when it is done, then record it."""
    every = []
    for model, field in encrypted_fields():
        done = _rotate_column(model, field)
        every.append(done)
        yield done
    with transaction.atomic():
        ledger.record(
            action="keys.rotated",
            actor=actor,
            now=now,
            details={
                "rotated": sum(done.rotated for done in every),
                "left": sum(done.held + done.unreadable for done in every),
            },
        )


def _rotate_column(model: type[models.Model], field: "Field[Any, Any]") -> Rotated:
    done = Rotated(model._meta.db_table, field.name)
    newest = Fernet(settings.FIELD_ENCRYPTION_KEYS[0])
    for _pass in range(_PASSES):
        done.held = done.unreadable = 0
        for keys in _batches(model, field):
            with transaction.atomic(), connection.cursor() as cursor:
                _rotate_rows(cursor, model, field, keys, newest, done)
        if not done.held:
            break
    return done


def _batches(model: type[models.Model], field: "Field[Any, Any]") -> Iterator[list[Any]]:
    """Give primary keys in order, few enough at a time that their values fit into memory."""
    table, key, column = _names(model, field)
    after: Any = None
    while True:
        with connection.cursor() as cursor:
            where = f"{column} IS NOT NULL" + ("" if after is None else f" AND {key} > %s")
            cursor.execute(
                f"SELECT {key}, length({column}) FROM {table} WHERE {where} ORDER BY {key} LIMIT {_ROWS}",
                [] if after is None else [after],
            )
            page = cursor.fetchall()
        if not page:
            return
        batch: list[Any] = []
        size = 0
        for pk, length in page:
            if batch and size + length > _BYTES:
                break
            batch.append(pk)
            size += length
        yield batch
        after = batch[-1]


def _rotate_rows(
    cursor: Any, model: type[models.Model], field: "Field[Any, Any]", keys: list[Any], newest: Fernet, done: Rotated
) -> None:
    table, key, column = _names(model, field)
    # SQLite has one writer, and that is this transaction.
    lock = "FOR NO KEY UPDATE SKIP LOCKED" if connection.vendor == "postgresql" else ""
    marks = ", ".join(["%s"] * len(keys))
    cursor.execute(f"SELECT {key}, {column} FROM {table} WHERE {key} IN ({marks}) ORDER BY {key} {lock}", keys)
    rows = cursor.fetchall()
    done.held += len(keys) - len(rows)
    changes = []
    for pk, value in rows:
        token = bytes(value or b"")
        if not token or _reads(newest, token):
            continue
        try:
            changes.append((encrypt(decrypt(token)), pk))
        except WrongEncryptionKey:
            done.unreadable += 1
    cursor.executemany(f"UPDATE {table} SET {column} = %s WHERE {key} = %s", changes)
    done.rotated += len(changes)


def _reads(key: Fernet, token: bytes) -> bool:
    try:
        key.decrypt(token)
    except InvalidToken:
        return False
    return True


def _names(model: type[models.Model], field: "Field[Any, Any]") -> tuple[str, str, str]:
    quote = connection.ops.quote_name
    key = model._meta.pk
    return quote(model._meta.db_table), quote(str(key and key.column)), quote(str(field.column))
