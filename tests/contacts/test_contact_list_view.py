"""The list of contacts: found by any way of writing a number, consent and last check at a glance, no query a row."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from contacts.admin.people import ContactAdmin
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
    assert len(many) <= 15


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


@pytest.mark.parametrize(
    "written", ["0" * 4, "9" * 5000, "00" + "9" * 30, "+" + "9" * 20, "٤٤٧٤", "+4474001234567890123"]
)
def test_digits_that_are_no_number_find_nobody(written: str, admin_browser: Client, people: None) -> None:
    assert found(admin_browser, written) == []


@pytest.mark.parametrize(
    ("beginning", "count"),
    [("+4474", 2), ("+447400", 1), ("+44749", 1), ("+4474999", 1), ("+447499999", 0), ("4474", 2)],
)
def test_the_beginning_of_a_number_finds_all_that_begin_so_and_no_other(
    beginning: str, count: int, admin_browser: Client, acme: Business, people: None
) -> None:
    for number in ("+447499912345", "+447500123456"):
        factories.opted_in(number, acme)

    assert len(found(admin_browser, beginning)) == count


def test_no_number_stands_in_the_address_of_a_page(
    admin_browser: Client, people: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ContactAdmin, "list_per_page", 1)
    numbers, address = [], "?o=1"
    while address:
        page = admin_browser.get(f"{LIST}{address}").context["cl"]
        numbers += [contact.e164 for contact in page.result_list]
        address = page.older_url
        assert "+" not in address and not any(number[1:] in address for number in numbers)

    assert numbers == ["+447400123456", "+51987654321"]


def test_the_place_of_a_hidden_person_is_none(support_browser: Client, admin_browser: Client, people: None) -> None:
    hidden = Contact.objects.get(e164="+51987654321")
    until = factories.GIVEN_AT.replace(year=2030)
    Contact.objects.filter(pk=hidden.pk).update(restricted_at=factories.GIVEN_AT, restricted_until=until)
    address = f"{LIST}?created_at__year=2026&before={hidden.pk}"

    assert "begins anew" in support_browser.get(address).content.decode()
    assert "begins anew" not in admin_browser.get(address).content.decode()


@pytest.mark.parametrize("column", ["-0", "-1", "-2"])
def test_who_sees_masked_numbers_sorts_by_none(column: str, support_browser: Client, people: None) -> None:
    shown = support_browser.get(LIST, {"o": column}).context["cl"].result_list

    assert [contact.e164 for contact in shown] == ["+447400123456", "+51987654321"]


def test_who_sees_numbers_in_full_sorts_by_them(admin_browser: Client, people: None) -> None:
    shown = admin_browser.get(LIST, {"o": "-1"}).context["cl"].result_list

    assert [contact.e164 for contact in shown] == ["+51987654321", "+447400123456"]
