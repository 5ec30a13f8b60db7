"""The evidence pack: everything on record about one person's consent, on a page and as a file; complaints."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from audit.models import AuditEvent
from contacts.consent.evidence import digest_of
from contacts.models import Consent, ConsentText, Contact, OptIn, OptInEvidence
from contacts.proof import pack
from numbers.models import BusinessNumber
from providers.models import Business, ProviderAccount
from sandbox import Sandbox
from tests import clients, factories
from tests.contacts import senders
from tests.contacts.command_runs import run
from tests.contacts.erasure.people import furnish
from tests.contacts.screens import at, page_of

ONE = factories.number(101)
PAGES = ("contact_evidence_pack", "contact_evidence_pack_file", "contact_complaint")


@pytest.fixture
def wording(acme: Business) -> ConsentText:
    return ConsentText.objects.create(
        business=acme,
        name="Checkout",
        version="2026-02",
        language="en",
        text="Yes, Acme may write to me on WhatsApp.",
        business_name_shown="Acme",
        purposes="service,utility",
        picture=b"%PDF-1.7 picture",
        picture_type="application/pdf",
        created_at=datetime.now(UTC),
        created_by="ana",
    )


@pytest.fixture
def contact(acme: Business, sandbox: Sandbox, wording: ConsentText) -> Contact:
    node: ProviderAccount = factories.account(acme, "onprem", base_url=sandbox.url)
    ours: BusinessNumber = senders.our_number(acme, sandbox.url)
    found = furnish(ONE, acme, node, ours, now=datetime.now(UTC))
    factories.opted_in(ONE, acme, given_at=datetime.now(UTC) - timedelta(days=3), consent_text=wording)
    return found


@pytest.fixture
def admin(db: None) -> Client:
    return clients.browser(clients.ADMIN)


def packed(contact: Contact) -> dict[str, Any]:
    _made, content = pack.make(contact=contact, actor="tests", now=datetime.now(UTC))
    loaded: dict[str, Any] = json.loads(content)
    return loaded


def test_it_holds_each_event_with_its_evidence_and_the_wording_as_shown(contact: Contact, wording: ConsentText) -> None:
    plain, with_wording = packed(contact)["events"]

    assert with_wording["wording"]["text"] == wording.text
    assert with_wording["wording"]["picture"]["sha256"] == hashlib.sha256(b"%PDF-1.7 picture").hexdigest()
    assert (with_wording["proof_complete"], plain["proof_complete"]) == (True, False)
    assert plain["evidence"]["text"] == f"ticked the box, {ONE}"
    assert plain["evidence"]["file"]["sha256"] == hashlib.sha256(f"scan of {ONE}".encode()).hexdigest()


def test_whoever_has_it_can_check_the_evidence_against_the_ledger(contact: Contact) -> None:
    made = packed(contact)
    kept = made["events"][1]["evidence"]

    assert digest_of(kept["text"], bytes.fromhex(kept["salt"])) == kept["digest"]
    recorded = AuditEvent.objects.get(subject=f"OptIn:{made['events'][1]['opt_in']}")
    assert recorded.details["evidence_digest"] == kept["digest"]
    assert recorded.hash in {entry["hash"] for entry in made["ledger"]}


def test_evidence_that_was_changed_is_called_so(contact: Contact) -> None:
    assert all(event["evidence"]["matches_its_digest"] for event in packed(contact)["events"])
    OptInEvidence.objects.update(text="something else")

    assert not any(event["evidence"]["matches_its_digest"] for event in packed(contact)["events"])


def test_it_says_who_received_the_number_for_what_and_when(contact: Contact) -> None:
    found = {one["account"]: one for one in packed(contact)["recipients"]}

    assert found["acme-cloud_api"]["for"] == ["message"] and found["acme-cloud_api"]["times"] == 1
    assert found["acme-cloud_api"]["recipient"] == "Example Hosting Ltd"


def test_it_holds_what_stands_checks_messages_and_identity(contact: Contact) -> None:
    made = packed(contact)

    assert {grant["purpose"] for grant in made["consent"][0]["agreed_to"]} == {"service", "utility", "authentication"}
    assert made["checks"][0]["status"] == "valid"
    assert {message["direction"] for message in made["messages"]} == {"in", "out"}
    assert any(message["text"] == f"Dear {ONE}" for message in made["messages"])
    assert made["identity"]["cases"] and made["identity"]["seen"]
    assert made["person"]["user_ids"] == [f"US.{ONE[1:]}"]


def test_making_one_leaves_a_mark_without_the_person(contact: Contact) -> None:
    _made, content = pack.make(contact=contact, actor="ana", now=datetime.now(UTC), written=True)

    mark = AuditEvent.objects.get(action="evidence_pack.made")
    assert (mark.actor, mark.pseudonym) == ("ana", contact.pseudonym)
    assert mark.details["sha256"] == hashlib.sha256(content).hexdigest()


def test_the_page_shows_it_and_the_file_is_named_by_pseudonym(admin: Client, contact: Contact) -> None:
    said = page_of(admin, "contact_evidence_pack", contact.pk)
    file = admin.get(at("contact_evidence_pack_file", contact.pk))

    assert "Yes, Acme may write to me on WhatsApp." in said
    assert "matches the digest in the ledger" in said and "Example Hosting Ltd" in said
    assert str(contact.pseudonym) in file["Content-Disposition"] and ONE[1:] not in file["Content-Disposition"]
    assert json.loads(file.content)["person"]["number"] == ONE


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("role", [clients.SUPPORT, clients.VIEWER, clients.NOBODY, clients.ANONYMOUS])
def test_who_may_not_see_every_part_sees_none(contact: Contact, role: str, name: str) -> None:
    response = clients.browser(role).get(at(name, contact.pk))

    assert response.status_code == (302 if role in (clients.ANONYMOUS,) else 403)


@pytest.mark.parametrize("name", PAGES)
def test_auditors_see_it_and_another_method_is_refused(contact: Contact, name: str) -> None:
    browser = clients.browser(clients.AUDITOR)

    assert browser.get(at(name, contact.pk)).status_code == 200
    assert browser.put(at(name, contact.pk)).status_code == 405
    assert browser.get(at(name, 999_999)).status_code == 404


def test_answering_a_complaint_opts_out_and_shows_the_pack(admin: Client, contact: Contact, acme: Business) -> None:
    values = {"source": "e-mail", "reason": "I never agreed", "businesses": [acme.pk]}

    response = admin.post(at("contact_complaint", contact.pk), values, follow=True)

    said = response.content.decode()
    assert "Opted out." in said and "Everything on record" in said and "I never agreed" in said
    assert Consent.objects.get(contact=contact, business=acme).status == "WITHDRAWN"


def test_a_complaint_needs_a_source_that_does_not_name_the_person(
    admin: Client, contact: Contact, acme: Business
) -> None:
    values = {"source": f"call of {ONE}", "reason": "stop", "businesses": [acme.pk]}

    assert "must not hold" in admin.post(at("contact_complaint", contact.pk), values).content.decode()
    assert "required" in admin.post(at("contact_complaint", contact.pk), {}).content.decode()
    assert not OptIn.objects.filter(state="WITHDRAWN").exists()


def test_the_command_writes_the_same_file_once(contact: Contact, tmp_path: Path) -> None:
    path = tmp_path / "pack.json"

    ended = run("evidence_pack", ONE, "--output", str(path))

    assert ended.code == 0 and ended.rows[0]["opted_out"] is False
    assert hashlib.sha256(path.read_bytes()).hexdigest() == ended.rows[0]["sha256"]
    assert run("evidence_pack", ONE, "--output", str(path)).code == 2
    assert run("evidence_pack", ONE, "--output", str(tmp_path / "no" / "pack.json")).code == 2


def test_the_command_opts_out_who_complains(contact: Contact, acme: Business, tmp_path: Path) -> None:
    out = ("--output", str(tmp_path / "pack.json"))
    assert run("evidence_pack", ONE, *out, "--complaint", "letter").code == 2

    ended = run("evidence_pack", ONE, *out, "--complaint", "letter", "--reason", "stop", "--business", "Acme")

    assert ended.code == 0 and ended.rows[0]["opted_out"] is True
    assert Consent.objects.get(contact=contact, business=acme).status == "WITHDRAWN"
    assert "stop" in (tmp_path / "pack.json").read_text()
