"""Restricted people: on no list, no page, in no search, no file and no action of whoever may not see them."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client

from contacts.erasure import restricting
from contacts.models import CheckBatch, Contact, ContactCheck, Message, OptIn, Suggestion, TrustCase
from numbers.models import BusinessNumber
from providers.models import Business, ProviderAccount
from sandbox import Sandbox
from tests import clients, factories
from tests.contacts import senders
from tests.contacts.erasure.people import furnish
from tests.contacts.screens import at

ONE, OTHER = factories.number(101), factories.number(102)
LISTS = (
    "contact", "optin", "contactcheck", "message", "messagestatus", "suggestion", "trustcase", "identitykey",
    "identitytrust",
)  # fmt: skip


@pytest.fixture
def people(acme: Business, sandbox: Sandbox) -> tuple[Contact, Contact]:
    node: ProviderAccount = factories.account(acme, "onprem", base_url=sandbox.url)
    ours: BusinessNumber = senders.our_number(acme, sandbox.url)
    now = datetime.now(UTC)
    # With numbers in full, or a number that is not there could as well be a masked one.
    in_full = Permission.objects.get(codename="view_full_number")
    Group.objects.get(name=clients.SUPPORT).permissions.add(in_full)
    one, other = (furnish(number, acme, node, ours, now=now) for number in (ONE, OTHER))
    # A line that nobody could read is nobody's.
    ContactCheck.objects.filter(reason="NOT_E164").delete()
    restricting.restrict(
        contact=one, until=now + timedelta(days=365), reason="OBJECTED", actor="tests", now=datetime.now(UTC)
    )
    return one, other


def shown(browser: Client, address: str) -> str:
    response = browser.get(address)
    assert response.status_code == 200, address
    content = b"".join(response.streaming_content) if response.streaming else response.content
    return str(content.decode()).replace("\N{NO-BREAK SPACE}", "").replace(" ", "")


def pages_of(contact: Contact) -> list[str]:
    check = ContactCheck.objects.filter(contact=contact).first()
    assert check is not None
    return [
        at("contact_change", contact.pk),
        at("optin_change", OptIn.objects.filter(pseudonym=contact.pseudonym)[0].pk),
        at("contactcheck_change", check.pk),
        at("message_change", Message.objects.filter(contact=contact)[0].pk),
        at("suggestion_change", Suggestion.objects.filter(contact=contact)[0].pk),
        at("trustcase_change", TrustCase.objects.filter(contact=contact)[0].pk),
    ]


@pytest.mark.parametrize("name", LISTS)
def test_no_list_of_the_support_staff_shows_them_and_an_auditors_does(
    people: tuple[Contact, Contact], name: str
) -> None:
    rows = {"trustcase": "?state=all", "suggestion": "?state=all"}.get(name, "")
    support = shown(clients.browser(clients.SUPPORT), at(f"{name}_changelist") + rows)
    auditor = shown(clients.browser(clients.AUDITOR), at(f"{name}_changelist") + rows)

    assert ONE[3:] not in support
    if name != "identitykey":
        assert OTHER[3:] in support and ONE[3:] in auditor


def test_no_page_of_theirs_opens(people: tuple[Contact, Contact]) -> None:
    one, other = people
    support, auditor = clients.browser(clients.SUPPORT), clients.browser(clients.AUDITOR)

    for address in pages_of(one):
        response = support.get(address)
        # The stock admin leads home with a message that it does not exist.
        assert response.status_code == 404 or (response.status_code == 302 and response["Location"] == "/"), address
        assert auditor.get(address).status_code == 200, address
    assert {support.get(address).status_code for address in pages_of(other)} == {200}


def test_no_search_finds_them(people: tuple[Contact, Contact]) -> None:
    browser = clients.browser(clients.SUPPORT)

    assert ONE[3:] not in shown(browser, at("contact_changelist") + f"?q={ONE[-6:]}").replace(f'value="{ONE[-6:]}"', "")
    assert "0contacts" in shown(browser, at("contact_changelist") + f"?q={ONE[-8:]}")


def test_the_rows_of_a_run_leave_them_out(people: tuple[Contact, Contact]) -> None:
    one, _other = people
    run = CheckBatch.objects.filter(checks__contact=one).first()
    assert run is not None
    support = clients.browser(clients.SUPPORT)

    assert ONE[3:] not in shown(support, at("checkbatch_change", run.pk))
    assert ONE not in shown(support, at("checkbatch_download", run.pk))
    assert ONE in shown(clients.browser(clients.AUDITOR), at("checkbatch_download", run.pk))


def test_settling_a_case_of_theirs_is_not_possible(people: tuple[Contact, Contact]) -> None:
    case = TrustCase.objects.filter(contact=people[0]).get()
    browser = clients.browser(clients.SUPPORT)

    for name in ("same_person", "other_person", "not_reached", "resend", "assign", "read_node", "acknowledge"):
        assert browser.post(at(f"trustcase_{name}", case.pk)).status_code == 404
    assert browser.get(at("trustcase_live", case.pk)).status_code == 404


def test_a_selection_of_people_leaves_them_out_even_for_those_who_see_them(people: tuple[Contact, Contact]) -> None:
    selected = {"action": "check_selected", "_selected_action": [str(person.pk) for person in people]}

    said = clients.browser(clients.ADMIN).post(at("contact_changelist"), selected).content.decode()

    assert OTHER in said and ONE not in said


def test_recording_that_they_opted_out_is_open_to_everybody_and_tells_nothing(
    people: tuple[Contact, Contact], acme: Business
) -> None:
    values = {"number": ONE, "business": acme.pk, "source": "call", "reason": "stop"}

    response = clients.browser(clients.SUPPORT).post(at("optin_withdraw"), values, follow=True)

    assert response.status_code == 200
    assert ONE[3:] not in response.content.decode().replace("\N{NO-BREAK SPACE}", "")
