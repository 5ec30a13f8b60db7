"""Encryption at rest: what the database file holds, how keys rotate, and that a wrong key is loud."""

import json
import pickle
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.conf import LazySettings
from django.core import serializers
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import connection

from contacts.models import OptInImport
from providers.encryption import WrongEncryptionKey, decrypt, encrypt
from providers.models import Business, ProviderAccount
from providers.secret import Secret, SecretExposed

OLD = Fernet.generate_key().decode()
NEW = Fernet.generate_key().decode()
TOKEN = "EAAB-super-secret-token-9f3c"
FILE = b"phone,given_at\n+16315551002,2026-01-05"


@pytest.fixture
def account(db: None, acme: Business) -> ProviderAccount:
    return ProviderAccount.objects.create(
        business=acme,
        name="acme-onprem",
        kind="onprem",
        base_url="https://contacts.example.com",
        credentials={"token": Secret(TOKEN)},
    )


@pytest.fixture
def imported(db: None, acme: Business) -> OptInImport:
    return OptInImport.objects.create(
        business=acme,
        file_name="list.csv",
        file_digest="0" * 64,
        numbers_read_as="e164",
        statement="I have the right to import this file.",
        imported_by="ada",
        started_at=datetime(2026, 5, 3, tzinfo=UTC),
        content=FILE,
    )


def stored(table: str, column: str) -> bytes:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM {table}")
        (value,) = cursor.fetchone()
    return bytes(value)


def test_what_one_key_wrote_it_reads(settings: LazySettings) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [NEW]
    assert decrypt(encrypt(b"plain")) == b"plain"
    assert encrypt(b"plain") != encrypt(b"plain")


def test_an_old_key_reads_and_the_newest_writes(settings: LazySettings) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [OLD]
    written_before = encrypt(b"plain")
    settings.FIELD_ENCRYPTION_KEYS = [NEW, OLD]
    assert decrypt(written_before) == b"plain"
    written_after = encrypt(b"plain")
    settings.FIELD_ENCRYPTION_KEYS = [NEW]
    assert decrypt(written_after) == b"plain"
    with pytest.raises(WrongEncryptionKey):
        decrypt(written_before)


@pytest.mark.parametrize("token", [b"", b"garbage", b"gAAAAA", b"\xff\xfe"])
def test_what_no_key_fits_fails_loudly_and_says_what_to_do(settings: LazySettings, token: bytes) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [NEW]
    with pytest.raises(WrongEncryptionKey, match="put back"):
        decrypt(token)


def test_a_changed_byte_is_noticed(settings: LazySettings) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [NEW]
    token = bytearray(encrypt(b"plain"))
    token[-5] ^= 1
    with pytest.raises(WrongEncryptionKey):
        decrypt(bytes(token))


def test_no_key_at_all_is_an_error_and_never_plain_text(settings: LazySettings) -> None:
    settings.FIELD_ENCRYPTION_KEYS = []
    with pytest.raises(ImproperlyConfigured, match="is empty"):
        encrypt(b"plain")


@pytest.mark.parametrize("key", ["short", "ä" * 44, "A" * 40, ""])
def test_a_value_that_is_no_key_is_an_error_that_does_not_show_it(settings: LazySettings, key: str) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [key]
    with pytest.raises(ImproperlyConfigured, match="not a Fernet key") as caught:
        encrypt(b"plain")
    assert caught.value.__suppress_context__
    assert not key or key not in str(caught.value)


def test_credentials_come_back_as_secrets_and_the_column_holds_nothing_readable(account: ProviderAccount) -> None:
    column = stored("providers_provideraccount", "credentials")
    assert TOKEN.encode() not in column
    assert b"token" not in column
    assert json.loads(decrypt(column)) == {"token": TOKEN}
    account.refresh_from_db()
    assert account.credentials == {"token": Secret(TOKEN)}
    assert TOKEN not in repr(account.credentials)


def test_no_credentials_are_encrypted_too(acme: Business) -> None:
    account = ProviderAccount.objects.create(business=acme, name="bare", kind="onprem", base_url="https://a.example")
    assert json.loads(decrypt(stored("providers_provideraccount", "credentials"))) == {}
    account.refresh_from_db()
    assert account.credentials == {}


def test_a_credential_that_is_not_a_secret_is_not_stored(acme: Business) -> None:
    with pytest.raises(AttributeError):
        ProviderAccount.objects.create(
            business=acme, name="bare", kind="onprem", base_url="https://a.example", credentials={"token": TOKEN}
        )


def test_an_account_under_a_wrong_key_cannot_be_read_at_all(account: ProviderAccount, settings: LazySettings) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [NEW]
    with pytest.raises(WrongEncryptionKey):
        ProviderAccount.objects.get()


def test_credentials_written_under_the_old_key_are_read_during_rotation_and_saved_under_the_new(
    account: ProviderAccount, settings: LazySettings
) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [NEW, *settings.FIELD_ENCRYPTION_KEYS]
    account.refresh_from_db()
    account.save()
    settings.FIELD_ENCRYPTION_KEYS = [NEW]
    assert ProviderAccount.objects.get().credentials["token"].reveal() == TOKEN


def test_an_encrypted_file_comes_back_and_its_column_holds_nothing_readable(imported: OptInImport) -> None:
    column = stored("contacts_optinimport", "content")
    assert b"phone" not in column
    assert b"16315551002" not in column
    imported.refresh_from_db()
    assert imported.content == FILE
    assert imported.errors is None


def test_an_empty_file_is_not_the_same_as_none(imported: OptInImport) -> None:
    OptInImport.objects.update(content=b"")
    imported.refresh_from_db()
    assert imported.content == b""
    assert stored("contacts_optinimport", "content") != b""


@pytest.mark.parametrize("form", ["json", "xml", "python"])
def test_dumpdata_carries_no_credential(account: ProviderAccount, imported: OptInImport, form: str) -> None:
    dumped = str(serializers.serialize(form, [account, imported]))
    assert TOKEN not in dumped
    assert "16315551002" not in dumped
    assert Secret(TOKEN).last_four() not in dumped


def test_a_dump_holds_encrypted_files_that_load_again_and_accounts_without_credentials(
    account: ProviderAccount, imported: OptInImport, tmp_path: Any
) -> None:
    dump = tmp_path / "dump.json"
    call_command("dumpdata", "providers", "contacts.optinimport", output=str(dump))
    assert TOKEN not in dump.read_text()
    ProviderAccount.objects.update(credentials={})
    OptInImport.objects.update(content=None)
    call_command("loaddata", str(dump), verbosity=0)
    assert OptInImport.objects.get().content == FILE
    assert ProviderAccount.objects.get().credentials == {}


def test_an_account_cannot_be_pickled_into_a_task_or_a_cache(account: ProviderAccount) -> None:
    with pytest.raises(SecretExposed):
        pickle.dumps(account)
