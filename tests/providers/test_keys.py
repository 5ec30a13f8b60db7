"""Keys that waadmin makes for itself, and what happens to everything encrypted when FIELD_ENCRYPTION_KEYS change."""

import hashlib
import json
import subprocess
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from django.apps import apps
from django.core.management import call_command
from django.core.management.sql import emit_post_migrate_signal
from django.db import connection, models, transaction

from audit.models import AuditEvent
from providers import keys, rotation
from providers.encryption import WrongEncryptionKey
from providers.models import Business, Key, ProviderAccount
from providers.secret import Secret
from tests import factories
from waadmin import checks

pytestmark = pytest.mark.django_db

NEW = Fernet.generate_key().decode()
NOW = datetime(2026, 5, 3, tzinfo=UTC)


@pytest.fixture
def account(acme: Business) -> ProviderAccount:
    return factories.account(acme, "onprem", base_url="https://contacts.example.com")


@pytest.fixture
def new_key_in_front(settings: Any) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [NEW, *settings.FIELD_ENCRYPTION_KEYS]


def rotate() -> dict[str, rotation.Rotated]:
    return {f"{done.table}.{done.column}": done for done in rotation.rotate(actor="ops", now=NOW)}


def test_migrate_makes_the_keys_once() -> None:
    before = {key.name: bytes(key.secret) for key in Key.objects.all()}
    assert set(before) == {"ledger", "suppression"}
    assert len(set(before.values())) == 2 and {len(value) for value in before.values()} == {32}

    Key.objects.filter(name="suppression").delete()
    emit_post_migrate_signal(0, False, "default")

    after = {key.name: bytes(key.secret) for key in Key.objects.all()}
    assert after["ledger"] == before["ledger"] and after["suppression"] != before["suppression"]


def test_a_key_that_is_missing_is_made_when_it_is_first_used() -> None:
    Key.objects.all().delete()

    assert keys.key_bytes("suppression") == keys.key_bytes("suppression")
    assert keys.key_bytes("suppression") != keys.key_bytes("another")


def test_what_it_signs_the_public_key_verifies() -> None:
    public = load_pem_public_key(keys.public_key_pem().encode())

    assert isinstance(public, Ed25519PublicKey)
    public.verify(keys.sign(b"a head"), b"a head")


def test_the_fingerprint_is_the_one_that_openssl_gives() -> None:
    der = subprocess.run(
        ["openssl", "pkey", "-pubin", "-outform", "DER"],
        input=keys.public_key_pem().encode(), capture_output=True, check=True,
    ).stdout  # fmt: skip
    assert keys.fingerprint() == hashlib.sha256(der).hexdigest()


def test_no_key_is_stored_in_the_open() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret FROM providers_key")
        stored = [bytes(value) for (value,) in cursor.fetchall()]
    assert not any(keys.key_bytes(name) in token for name in keys.NAMES for token in stored)


def test_a_wrong_key_is_an_error_at_start_up_and_the_right_one_is_not(settings: Any) -> None:
    assert checks.check_encryption_key() == []

    settings.FIELD_ENCRYPTION_KEYS = [NEW]

    assert [found.id for found in checks.check_encryption_key()] == ["waadmin.E007"]
    assert checks.check_encryption_key()[0].is_serious()


def test_where_there_is_no_table_yet_no_key_is_wrong_and_none_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection.introspection, "table_names", lambda *_args: [])
    Key.objects.all().delete()

    assert checks.check_encryption_key() == []
    keys.make_missing()
    assert not Key.objects.exists()


@pytest.mark.usefixtures("new_key_in_front")
def test_after_a_rotation_the_newest_key_alone_reads_everything(settings: Any, account: ProviderAccount) -> None:
    before = keys.key_bytes("ledger")
    done = rotate()
    settings.FIELD_ENCRYPTION_KEYS = [NEW]

    assert done["providers_key.secret"].rotated == 2
    assert done["providers_provideraccount.credentials"].rotated == 0, "the newest key wrote it"
    assert all(column.complete for column in done.values())
    assert keys.key_bytes("ledger") == before
    account.refresh_from_db()
    assert account.credentials["token"] == Secret("sandbox-token")


@pytest.mark.usefixtures("new_key_in_front")
def test_a_second_rotation_changes_nothing() -> None:
    rotate()
    assert sum(done.rotated for done in rotate().values()) == 0


def test_what_the_rotation_did_stands_in_the_ledger(new_key_in_front: None) -> None:
    rotate()
    event = AuditEvent.objects.get(action="keys.rotated")
    assert (event.actor, event.details) == ("ops", {"rotated": 2, "left": 0})


@pytest.mark.usefixtures("new_key_in_front")
def test_a_rotation_that_was_stopped_goes_on_where_it_was(
    settings: Any, acme: Business, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = settings.FIELD_ENCRYPTION_KEYS[1:]
    monkeypatch.setattr(rotation, "_ROWS", 2)
    settings.FIELD_ENCRYPTION_KEYS = old
    for place in range(7):
        factories.account(acme, "onprem", base_url="https://contacts.example.com", name=f"account-{place}")
    settings.FIELD_ENCRYPTION_KEYS = [NEW, *old]
    written: list[bytes] = []
    encrypt = rotation.encrypt

    def stopped(plain: bytes) -> bytes:
        written.append(plain)
        if len(written) > 7:
            raise KeyboardInterrupt
        return encrypt(plain)

    monkeypatch.setattr(rotation, "encrypt", stopped)
    with pytest.raises(KeyboardInterrupt):
        rotate()
    monkeypatch.setattr(rotation, "encrypt", encrypt)

    again = sum(done.rotated for done in rotate().values())
    settings.FIELD_ENCRYPTION_KEYS = [NEW]
    assert 0 < again < 7 * 2 + 2
    assert all(one.credentials["token"] == Secret("sandbox-token") for one in ProviderAccount.objects.all())


def test_what_no_key_reads_is_counted_and_left_alone(settings: Any, account: ProviderAccount) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [NEW]
    done = rotate()

    assert done["providers_key.secret"].unreadable == 2
    assert not done["providers_key.secret"].complete
    with pytest.raises(WrongEncryptionKey):
        keys.key_bytes("ledger")


def test_every_column_that_encrypts_is_rotated() -> None:
    """A field class that encrypts and is not known to the rotation would be left behind by it."""
    found = {(model._meta.label, field.name) for model, field in rotation.encrypted_fields()}
    binary = {
        (model._meta.label, field.name)
        for model in apps.get_models(include_auto_created=True)
        for field in model._meta.local_concrete_fields
        if isinstance(field, models.BinaryField) and type(field) is not models.BinaryField
    }
    assert found == binary
    assert ("providers.Key", "secret") in found and ("contacts.Message", "body") in found


def test_rows_that_somebody_holds_are_passed_over_and_tried_again(
    postgresql: None, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys.make_missing()
    settings.FIELD_ENCRYPTION_KEYS = [NEW, *settings.FIELD_ENCRYPTION_KEYS]
    monkeypatch.setattr(rotation, "_PASSES", 2)
    other = connection.copy("default")
    try:
        with transaction.atomic():
            other.set_autocommit(False)
            with other.cursor() as cursor:
                cursor.execute("SELECT id FROM providers_key WHERE name = 'ledger' FOR UPDATE")
            done = rotate()
            assert (done["providers_key.secret"].rotated, done["providers_key.secret"].held) == (1, 1)
            other.rollback()
        assert rotate()["providers_key.secret"].rotated == 1
    finally:
        other.close()


@pytest.mark.usefixtures("new_key_in_front")
def test_the_command_prints_a_row_a_column_and_says_when_older_keys_may_go() -> None:
    out, err = StringIO(), StringIO()
    call_command("rotate_keys", "--json", stdout=out, stderr=err)

    rows = [json.loads(text) for text in out.getvalue().splitlines()]
    assert {"table": "providers_key", "column": "secret", "rotated": 2, "held": 0, "unreadable": 0} in rows
    assert "2 value(s) encrypted anew." in err.getvalue() and "older ones may go" in err.getvalue()


def test_the_command_ends_with_an_error_where_something_is_unreadable(settings: Any) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [NEW]
    err = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("rotate_keys", stdout=StringIO(), stderr=err)

    assert ended.value.code == 1
    assert "Keep the older keys" in err.getvalue()
