"""The list of contacts: found by any way of writing a number, consent and last check at a glance, no query a row."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from contacts.models import Contact
from providers.models import Business, ProviderAccount
from tests import factories

LIST = "/contacts/contact/"


@pytest.fixture
def people(acme: Business) -> None:
    factories.opted_in("+51987654321", acme)
    factories.opted_in("+447400123456", acme)
    factories.withdrawn("+447400123456", acme, now=factories.GIVEN_AT.replace(month=3))


def found(browser: Client, written: str) -> list[str]:
    response = browser.get(LIST, {"q": written})
    return sorted(contact.e164 for contact in response.context["cl"].result_list)


@pytest.mark.parametrize(
    "written",
    [
        "+51 987 654 321",
        "+51987654321",
        "51987654321",
        "0051987654321",
        "987654321",
        "0987-654-321",
        "(654) 321",
        "4321",
    ],
)
def test_a_number_is_found_however_it_is_written(written: str, admin_browser: Client, people: None) -> None:
    assert found(admin_browser, written) == ["+51987654321"]


@pytest.mark.parametrize("written", ["99999999", "hello", "12", "%", "' OR 1=1"])
def test_what_is_no_number_of_anybody_finds_nobody(written: str, support_browser: Client, people: None) -> None:
    assert found(support_browser, written) == []


def test_consent_and_the_last_check_stand_beside_the_number(
    support_browser: Client, acme: Business, people: None, accuauth_account: ProviderAccount
) -> None:
    batch = factories.check_run(accuauth_account, "+51987654321")
    factories.run(batch)
    text = support_browser.get(LIST).content.decode()
    assert "Acme: opted in" in text
    assert "Acme: opted out" in text
    assert "On WhatsApp" in text
    assert "just now" in text
    assert "acme-accuauth" in text


def test_the_list_costs_the_same_whatever_its_length(support_browser: Client, acme: Business, people: None) -> None:
    support_browser.get(LIST)
    with CaptureQueriesContext(connection) as few:
        support_browser.get(LIST)
    for ending in range(100, 140):
        factories.opted_in(factories.number(ending), acme)
    with CaptureQueriesContext(connection) as many:
        support_browser.get(LIST)
    assert len(many) == len(few)
    assert len(many) <= 14


def test_the_other_lists_cost_the_same_whatever_their_length(
    admin_browser: Client, acme: Business, onprem_account: ProviderAccount
) -> None:
    lists = ("/contacts/optin/", "/contacts/contactcheck/", "/contacts/checkbatch/", "/contacts/consenttext/")
    factories.opted_in(factories.number(100), acme)
    factories.check_run(onprem_account, factories.number(100))
    cost = {}
    for address in lists:
        admin_browser.get(address)
        with CaptureQueriesContext(connection) as few:
            admin_browser.get(address)
        cost[address] = len(few)
    for ending in range(101, 131):
        factories.opted_in(factories.number(ending), acme)
        factories.check_run(onprem_account, factories.number(ending))
    for address in lists:
        with CaptureQueriesContext(connection) as many:
            admin_browser.get(address)
        assert len(many) <= cost[address], address
    assert Contact.objects.count() == 31
