"""A person's page: the timeline with proof, what stands now, and who may see evidence."""

import pytest
from django.test import Client

from audit.models import AuditEvent
from contacts.consent.evidence import Evidence
from contacts.models import Contact, OptIn
from providers.models import Business, ProviderAccount
from tests import clients, factories

NUMBER = factories.number(100)


@pytest.fixture
def person(acme: Business, onprem_account: ProviderAccount) -> Contact:
    pdf = b"%PDF-1.7 " + b"x" * 20
    factories.opted_in(NUMBER, acme, evidence=Evidence(text="Ticked the box 7781", file=pdf, file_name="card.pdf"))
    factories.run(factories.check_run(onprem_account, NUMBER))
    factories.withdrawn(NUMBER, acme, now=factories.GIVEN_AT.replace(month=4))
    return Contact.objects.get(e164=NUMBER)


def page(person: Contact) -> str:
    return f"/contacts/contact/{person.pk}/change/"


def test_the_timeline_shows_consent_with_its_proof_and_checks(admin_browser: Client, person: Contact) -> None:
    text = admin_browser.get(page(person)).content.decode()
    for words in ("Opted in", "Opted out", "Proof incomplete", "web form", "Ticked the box 7781", "card.pdf", "tests"):
        assert words in text, words
    assert "Says yes (this provider says yes to everyone)" in text
    assert "weak evidence" in text
    assert "Acme: opted out" in text


def test_support_staff_see_the_events_and_not_the_evidence(support_browser: Client, person: Contact) -> None:
    text = support_browser.get(page(person)).content.decode()
    assert "Opted out" in text
    assert "Ticked the box 7781" not in text
    assert "Record opt-out" in text
    assert "Record opt-in" not in text
    event = OptIn.objects.filter(state="GRANTED").get()
    assert "Ticked the box 7781" not in support_browser.get(f"/contacts/optin/{event.pk}/change/").content.decode()


def test_an_evidence_file_is_only_ever_downloaded(admin_browser: Client, person: Contact) -> None:
    event = OptIn.objects.filter(state="GRANTED").get()
    response = admin_browser.get(f"/contacts/optin/{event.pk}/evidence/")
    assert response["Content-Type"] == "application/pdf"
    assert response["Content-Disposition"] == f'attachment; filename="evidence-{event.pk}.pdf"'
    assert response["X-Content-Type-Options"] == "nosniff"
    withdrawal = OptIn.objects.filter(state="WITHDRAWN").first()
    assert withdrawal is not None
    assert admin_browser.get(f"/contacts/optin/{withdrawal.pk}/evidence/").status_code == 404


def test_a_file_that_is_not_what_it_says_is_no_page_for_a_browser(admin_browser: Client, acme: Business) -> None:
    html = Evidence(text="x", file=b"<script>alert(1)</script>", file_name="a.html")
    event = factories.opted_in(factories.number(101), acme, evidence=html).opt_in
    response = admin_browser.get(f"/contacts/optin/{event.pk}/evidence/")
    assert response["Content-Type"] == "application/octet-stream"
    assert response["Content-Disposition"].startswith("attachment")


def test_a_stranger_has_no_page(admin_browser: Client, person: Contact) -> None:
    assert admin_browser.get("/contacts/contact/9999/change/").status_code == 404


def test_one_press_begins_a_check_of_this_person(admin_browser: Client, person: Contact) -> None:
    response = admin_browser.post(f"/contacts/contact/{person.pk}/check/")
    assert NUMBER.encode() in response.content
    assert clients.browser(clients.AUDITOR).post(f"/contacts/contact/{person.pk}/check/").status_code == 403


def test_opening_the_page_is_in_the_ledger_by_pseudonym_and_without_the_number(
    support_browser: Client, person: Contact
) -> None:
    support_browser.get(page(person))

    event = AuditEvent.objects.order_by("sequence").last()
    assert event is not None and event.actor == "support"
    assert (event.action, event.subject, event.pseudonym) == ("person.opened", f"Contact:{person.pk}", person.pseudonym)
    assert event.details == {}


def test_a_page_that_is_not_shown_leaves_no_mark(support_browser: Client, person: Contact) -> None:
    before = AuditEvent.objects.count()

    assert clients.browser(clients.NOBODY).get(page(person)).status_code == 403
    assert support_browser.get("/contacts/contact/999999/change/").status_code == 404
    assert support_browser.post(page(person)).status_code == 405

    assert AuditEvent.objects.count() == before
