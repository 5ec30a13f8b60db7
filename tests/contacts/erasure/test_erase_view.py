"""The page on which a person is erased or restricted, and who may open it."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from contacts.models import Contact, Erasure
from providers.models import Business
from tests import clients, factories
from tests.contacts.erasure.people import erase
from tests.contacts.screens import at, page_of

ONE = factories.number(101)
IN_A_YEAR = (datetime.now(UTC) + timedelta(days=365)).date().isoformat()


@pytest.fixture
def contact(acme: Business) -> Contact:
    return factories.opted_in(ONE, acme).consent.contact


@pytest.fixture
def admin(db: None) -> Client:
    return clients.browser(clients.ADMIN)


def post(browser: Client, contact: Contact, page: str = "contact_erase", **fields: str) -> str:
    values = {"choice": "erase", "reason": "ASKED", "confirmation": ONE[-4:], "until": IN_A_YEAR} | fields
    response = browser.post(at(page, contact.pk), values, follow=True)
    return str(response.content.decode())


@pytest.mark.parametrize("page", ["contact_erase", "contact_lift"])
@pytest.mark.parametrize("role", [role for role in clients.EVERYBODY if role != clients.ADMIN])
def test_nobody_but_business_admins_opens_it(contact: Contact, role: str, page: str) -> None:
    browser = clients.browser(role)
    refused = 302 if role in (clients.ANONYMOUS,) else (302, 403)

    for response in (browser.get(at(page, contact.pk)), browser.post(at(page, contact.pk), {"choice": "erase"})):
        assert response.status_code in (refused if isinstance(refused, tuple) else (refused,))
    assert Contact.objects.filter(restricted_at=None).exists()


@pytest.mark.parametrize("page", ["contact_erase", "contact_lift"])
def test_another_method_is_refused(admin: Client, contact: Contact, page: str) -> None:
    assert admin.put(at(page, contact.pk)).status_code == 405
    assert admin.get(at(page, 999_999)).status_code == 404


def test_it_lists_what_would_go_and_changes_nothing(admin: Client, contact: Contact) -> None:
    said = page_of(admin, "contact_erase", contact.pk)

    assert "Evidence of what they agreed to" in said and "What stays" in said
    assert Contact.objects.get().restricted_at is None


def test_erasing_needs_the_digits_and_a_reason(admin: Client, contact: Contact) -> None:
    assert "last four digits" in post(admin, contact, confirmation="0000")
    assert "required" in post(admin, contact, reason="")
    assert "must not name the person" in post(admin, contact, reference=ONE)
    assert Contact.objects.get().restricted_at is None

    assert "Erased." in post(admin, contact, reference="T-7")

    assert not Contact.objects.exists()
    assert Erasure.objects.get().by == "business"


def test_restricting_needs_a_date_to_come(admin: Client, contact: Contact) -> None:
    assert "Name the date" in post(admin, contact, choice="restrict", until="")
    assert "is over" in post(admin, contact, choice="restrict", until="2020-01-01")

    assert "Restricted until" in post(admin, contact, choice="restrict")

    until = Contact.objects.get().restricted_until
    assert until is not None and until.date().isoformat() == IN_A_YEAR


def test_a_restriction_is_shown_and_lifted(admin: Client, contact: Contact) -> None:
    post(admin, contact, choice="restrict")
    assert "Lift the restriction" in page_of(admin, "contact_change", contact.pk)

    assert "is lifted" in post(admin, contact, page="contact_lift", reason="MISTAKE")

    assert Contact.objects.get().restricted_at is None


def test_a_journal_that_cannot_be_written_is_said_on_the_page(
    admin: Client, contact: Contact, settings: object
) -> None:
    settings.ERASURE_JOURNAL = "/dev/null/nowhere"  # type: ignore[attr-defined]

    assert "ERASURE_JOURNAL" in post(admin, contact)


def test_erasures_are_listed_without_anybody_in_them(admin: Client, contact: Contact) -> None:
    entry = erase(contact, now=datetime.now(UTC))

    for said in (page_of(admin, "erasure_changelist"), page_of(admin, "erasure_change", entry.pk)):
        assert "The person asked for it" in said and ONE[3:] not in said
    assert clients.browser(clients.SUPPORT).get(at("erasure_changelist")).status_code == 403
