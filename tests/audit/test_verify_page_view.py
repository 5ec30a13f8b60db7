"""The ledger's page: who may verify and sign, what it says, and what is taken away from it."""

import json
import random
from datetime import datetime

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from audit import heads, triggers, verify
from audit.models import AuditEvent, SignedHead
from providers import keys
from tests import clients
from tests.audit.chains import append

pytestmark = pytest.mark.django_db

PAGE, SIGN, KEY = "/audit/auditevent/verify/", "/audit/auditevent/sign/", "/audit/auditevent/public-key/"


@pytest.fixture(autouse=True)
def events() -> None:
    append(5, random.Random(3))


@pytest.fixture
def head(now: datetime) -> str:
    """The address of a signed head."""
    return f"/audit/auditevent/heads/{heads.sign_head(actor='ada', now=now).pk}/"


def said(role: str = clients.AUDITOR, **fields: object) -> str:
    response = clients.browser(role).post(PAGE, fields)
    assert response.status_code == 200
    return str(response.content.decode())


@pytest.mark.parametrize("role", clients.EVERYBODY)
def test_who_may_read_the_ledger_may_verify_it_and_nobody_else(role: str, head: str) -> None:
    may = role in (clients.ADMIN, clients.AUDITOR)
    for address in (PAGE, KEY, head):
        response = clients.browser(role).get(address)
        assert response.status_code == (200 if may else 302 if role == clients.ANONYMOUS else 403), address
    response = clients.browser(role).post(PAGE)
    assert response.status_code == (200 if may else 302 if role == clients.ANONYMOUS else 403)


@pytest.mark.parametrize("role", clients.EVERYBODY)
def test_who_may_sign(role: str) -> None:
    response = clients.browser(role).post(SIGN)
    assert SignedHead.objects.exists() is (role in (clients.ADMIN, clients.AUDITOR))
    assert response.status_code == (302 if role in (clients.ADMIN, clients.AUDITOR, clients.ANONYMOUS) else 403)


def test_other_methods_are_refused(head: str) -> None:
    auditor = clients.browser(clients.AUDITOR)
    assert auditor.get(SIGN).status_code == 405
    assert auditor.put(PAGE).status_code == 405
    assert auditor.post(KEY).status_code == auditor.post(head).status_code == 405


def test_looking_at_the_page_verifies_nothing_and_says_where_the_ledger_ends() -> None:
    text = clients.browser(clients.AUDITOR).get(PAGE).content.decode()
    assert heads.head().hash in text and keys.fingerprint() in text
    assert "Consistent with itself" not in text


def test_without_a_head_it_says_what_cannot_be_excluded() -> None:
    text = said()
    assert "Consistent with itself only: a complete rewrite by whoever holds the key cannot be excluded" in text
    assert "badge-warn" in text and "5 events were read." in text


def test_with_a_head_that_was_kept_it_is_intact(now: datetime) -> None:
    kept = heads.head_json(heads.sign_head(actor="ada", now=now))
    text = said(file=SimpleUploadedFile("head.json", kept.encode()))
    assert "Intact, compared with the head of 3 May 2026 (number 5)." in text
    assert "badge-good" in text
    values = json.loads(kept)
    assert "Intact, compared with head number 5." in said(text=f"{values['sequence']}:{values['hash']}")


def test_what_was_changed_is_named() -> None:
    triggers.lift()
    AuditEvent.objects.filter(sequence=3).update(actor="mallory")
    triggers.install()
    text = said()
    assert "Event 3 was edited" in text and "card-bad" in text and "badge-good" not in text


@pytest.mark.parametrize("written", [b"{}", b"\xff", b"[" * 200_000, b"x"])
def test_a_file_that_is_no_head_is_refused_in_words(written: bytes) -> None:
    assert "This is no head of a ledger." in said(file=SimpleUploadedFile("head.json", written))
    assert "This is no head of a ledger." in said(text="twelve")


def test_signing_gives_a_head_to_keep() -> None:
    auditor = clients.browser(clients.AUDITOR)
    response = auditor.post(SIGN, follow=True)
    signed = SignedHead.objects.get()
    assert signed.signed_by == "auditors"
    assert f"/audit/auditevent/heads/{signed.pk}/" in response.content.decode()

    file = auditor.get(f"/audit/auditevent/heads/{signed.pk}/")
    assert file.headers["Content-Disposition"].startswith('attachment; filename="ledger-head-')
    pem = auditor.get(KEY).content
    assert verify.signature_holds(verify.parse_head(file.content.decode()), pem)


def test_a_head_that_there_is_not_is_not_found() -> None:
    assert clients.browser(clients.AUDITOR).get("/audit/auditevent/heads/999/").status_code == 404


def test_the_ledger_leads_to_it() -> None:
    assert PAGE in clients.browser(clients.AUDITOR).get("/audit/auditevent/").content.decode()
