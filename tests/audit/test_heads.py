"""Signed heads: what is signed, who may sign, and that a signature is in the ledger itself."""

import base64
import json
from datetime import datetime

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from django.db import transaction

from audit import heads, ledger, verify
from audit.models import AuditEvent, SignedHead
from providers import keys

pytestmark = pytest.mark.django_db


@pytest.fixture
def events(now: datetime) -> None:
    with transaction.atomic():
        for _event in range(3):
            ledger.record(action="opt_in.recorded", actor="ada", now=now)


def test_the_head_is_the_last_event(events: None, now: datetime) -> None:
    last = AuditEvent.objects.get(sequence=3)
    assert heads.head() == heads.Head(3, last.hash, now)


def test_the_head_of_an_empty_ledger_is_the_genesis_hash() -> None:
    assert heads.head() == heads.Head(0, "0" * 64, None)


def test_a_signature_covers_number_hash_time_and_manifest(events: None, now: datetime) -> None:
    signed = heads.sign_head(actor="ada", now=now, manifest_sha256="ab" * 32)

    key = load_pem_public_key(keys.public_key_pem().encode())
    covered = (
        f'{{"hash":"{signed.hash}","kind":"waadmin ledger head","manifest_sha256":"{"ab" * 32}",'
        '"sequence":3,"signed_at":"2026-05-03T10:00:00.000000Z","version":1}'
    )
    key.verify(base64.b64decode(signed.signature), covered.encode())  # type: ignore[union-attr, call-arg]
    assert heads.signed_bytes(signed) == covered.encode()


def test_what_is_kept_outside_can_be_read_and_verified(events: None, now: datetime) -> None:
    signed = heads.sign_head(actor="ada", now=now)
    pem = keys.public_key_pem().encode()
    head = verify.parse_head(heads.head_json(signed))

    assert verify.signature_holds(head, pem)
    assert head["key_fingerprint"] == keys.fingerprint()
    for name, other in (("sequence", 2), ("hash", "0" * 64), ("signed_at", "2026-05-04"), ("manifest_sha256", "00")):
        assert not verify.signature_holds({**head, name: other}, pem)


def test_signing_is_an_event_that_names_the_head_and_the_key(events: None, now: datetime) -> None:
    signed = heads.sign_head(actor="ada", now=now)

    event = AuditEvent.objects.get(action="head.signed")
    assert (event.sequence, event.actor, event.subject) == (4, "ada", f"SignedHead:{signed.pk}")
    assert event.details == {"sequence": 3, "hash": signed.hash, "key": keys.fingerprint()}


def test_an_earlier_head_of_this_ledger_is_signed_for_an_export_and_no_other(events: None, now: datetime) -> None:
    earlier = heads.head()
    with transaction.atomic():
        ledger.record(action="opt_in.recorded", actor="ada", now=now)

    assert heads.sign_head(actor="ada", now=now, of=earlier).sequence == 3
    with pytest.raises(heads.NotOnTheChain):
        heads.sign_head(actor="ada", now=now, of=heads.Head(3, "0" * 64, now))
    assert SignedHead.objects.count() == 1


def test_nothing_is_signed_where_nobody_can(monkeypatch: pytest.MonkeyPatch, now: datetime) -> None:
    monkeypatch.setattr(heads, "_signer", [])
    with pytest.raises(heads.NoSigner):
        heads.sign_head(actor="ada", now=now)
    assert not SignedHead.objects.exists()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "{}",
        "[]",
        '{"sequence": "1", "hash": "x"}',
        "12:abc",
        '{"sequence": 1}',
        '{"sequence": true}',
        '{"sequence": -1, "hash": "x"}',
    ],
)
def test_what_is_no_head_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        verify.parse_head(text)


def test_number_and_hash_are_a_head_too() -> None:
    assert verify.parse_head(f" 12:{'AB' * 32}\n") == {"sequence": 12, "hash": "ab" * 32}
    assert verify.parse_head(json.dumps({"sequence": 1, "hash": "x"}))["sequence"] == 1
