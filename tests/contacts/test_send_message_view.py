"""Sending from a person's page: which number, text or template, one press one message, and refusals that lead on."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from contacts.models import Contact, Message, TrustCase
from numbers.models import BusinessNumber
from providers.models import Business, ProviderAccount
from sandbox import Sandbox
from tests import factories
from tests.contacts import senders
from tests.contacts.screens import admin, at, mismatched, page_of
from tests.numbers.stage import said

pytestmark = pytest.mark.django_db
ONE = factories.number(100)


@pytest.fixture
def number(acme: Business, sandbox: Sandbox) -> BusinessNumber:
    return senders.our_number(acme, sandbox.url)


@pytest.fixture
def person(acme: Business) -> Contact:
    return senders.agreed(ONE, acme, purposes=["service", "utility"])


@pytest.fixture
def open_window(person: Contact, number: BusinessNumber, sandbox: Sandbox) -> datetime:
    at_ = datetime.now(UTC) - timedelta(hours=1)
    senders.wrote(person, number, at_)
    sandbox.people.open_window(ONE)
    return at_


def form_of(browser: Client, person: Contact, query: str = "") -> dict[str, str]:
    """The hidden fields of the page's form."""
    page = browser.get(at("contact_send", person.pk) + query).content.decode()
    hidden = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page)
    return {name: value for name, value in hidden if name != "csrfmiddlewaretoken"}


def test_the_page_says_until_when_the_reply_window_is_open(person: Contact, open_window: datetime) -> None:
    text = page_of(admin(), "contact_send", person.pk)
    assert "Reply window open until" in text
    assert (open_window + timedelta(hours=24)).strftime("%Y-%m-%d %H:%M UTC") in text


def test_the_number_that_the_person_wrote_to_comes_first(
    person: Contact, number: BusinessNumber, acme: Business, sandbox: Sandbox, open_window: datetime
) -> None:
    first = senders.our_number(acme, sandbox.url, phone_number_id="106850078877701", e164="+15550149034")
    BusinessNumber.objects.filter(pk=first.pk).update(verified_name="Aardvark")
    assert form_of(admin(), person)["from"] == f"n{number.pk}"


def test_without_that_a_number_that_works_comes_first(
    person: Contact, number: BusinessNumber, acme: Business, sandbox: Sandbox
) -> None:
    first = senders.our_number(acme, sandbox.url, phone_number_id="106850078877701", e164="+15550149034")
    BusinessNumber.objects.filter(pk=first.pk).update(verified_name="Aardvark", status="PENDING")
    page = admin().get(at("contact_send", person.pk)).content.decode()
    assert f'value="n{number.pk}" selected' in page


def test_a_closed_window_offers_templates_only(person: Contact, number: BusinessNumber) -> None:
    text = page_of(admin(), "contact_send", person.pk, query="?what=text")
    assert "Closed: choose a template" in text
    assert "statement_ready" in text
    assert "Free text reaches a person only within 24 hours" in text
    assert 'name="text"' not in admin().get(at("contact_send", person.pk) + "?what=text").content.decode()


def test_a_text_leaves_once_and_the_page_leads_back_to_the_person(
    person: Contact, number: BusinessNumber, open_window: datetime, sandbox: Sandbox
) -> None:
    browser = admin()
    fields = form_of(browser, person) | {"purpose": "service", "text": "It comes tomorrow."}
    response = browser.post(at("contact_send", person.pk), fields)
    assert (response.status_code, response["Location"]) == (302, at("contact_change", person.pk))
    text = page_of(browser, "contact_change", person.pk)
    assert "It comes tomorrow." in text
    assert "The provider took the message." in text
    message = Message.objects.get()
    assert (message.actor, message.purpose) == ("business", "service")


def test_the_same_press_again_sends_nothing_more(
    person: Contact, number: BusinessNumber, open_window: datetime, sandbox: Sandbox
) -> None:
    browser = admin()
    fields = form_of(browser, person) | {"purpose": "service", "text": "It comes tomorrow."}
    assert browser.post(at("contact_send", person.pk), fields).status_code == 302
    assert browser.post(at("contact_send", person.pk), fields).status_code == 302
    assert len(sandbox.people.messages(ONE)) == 1
    assert Message.objects.count() == 1
    fresh = form_of(browser, person)
    assert fresh["press"] != fields["press"]
    browser.post(at("contact_send", person.pk), {**fields, **fresh})
    assert len(sandbox.people.messages(ONE)) == 2


@pytest.mark.parametrize("press", ["", "x", "1"])
def test_a_form_without_its_mark_sends_nothing(
    person: Contact, number: BusinessNumber, open_window: datetime, sandbox: Sandbox, press: str
) -> None:
    browser = admin()
    fields = form_of(browser, person) | {"purpose": "service", "text": "Hello", "press": press}
    assert browser.post(at("contact_send", person.pk), fields).status_code == 200
    assert sandbox.people.messages(ONE) == ()


def test_a_template_goes_with_each_of_its_values(person: Contact, number: BusinessNumber, sandbox: Sandbox) -> None:
    browser = admin()
    fields = form_of(browser, person, "?template=statement_ready%7Cen_US") | {"purpose": "utility", "value_1": "May"}
    assert "This field is required." in said(browser.post(at("contact_send", person.pk), fields))
    browser.post(at("contact_send", person.pk), fields | {"value_2": "1 June"})
    sent = sandbox.people.messages(ONE)[-1]
    assert sent.template == "statement_ready"
    text = page_of(browser, "contact_change", person.pk)
    assert "statement_ready (en_US)" in text
    assert "1 June" in text


def test_only_templates_that_can_be_filled_in_are_offered(person: Contact, number: BusinessNumber) -> None:
    text = page_of(admin(), "contact_send", person.pk)
    for name in ("login_code", "winter_sale", "account_notice", "feedback_request", "appointment_reminder"):
        assert name not in text
    assert "hello_world" in text


def test_templates_that_cannot_be_read_are_said_in_words(person: Contact, number: BusinessNumber) -> None:
    ProviderAccount.objects.update(base_url="http://127.0.0.1:9")
    text = page_of(admin(), "contact_send", person.pk)
    assert "test the connection" in text


def test_purposes_that_were_not_agreed_to_are_named_and_not_offered(person: Contact, open_window: datetime) -> None:
    response = admin().get(at("contact_send", person.pk))
    assert '<option value="marketing"' not in response.content.decode()
    text = said(response)
    assert "Not for these purposes" in text
    assert "Marketing" in text


def test_without_consent_nothing_is_offered_and_the_refusal_leads_to_the_record(
    number: BusinessNumber, sandbox: Sandbox
) -> None:
    stranger = senders.stranger(ONE, datetime.now(UTC))
    response = admin().get(at("contact_send", stranger.pk))
    text = said(response)
    assert "Nothing may be sent." in text
    assert "No opt-in for Acme is on record" in text
    assert f"{at('optin_add')}?business=" in response.content.decode()
    assert "<textarea" not in response.content.decode()
    fields = {"from": f"n{number.pk}", "what": "text", "text": "Hello", "purpose": "service"}
    admin().post(at("contact_send", stranger.pk), fields)
    assert sandbox.people.messages(ONE) == ()


def test_a_withdrawal_between_page_and_press_is_refused_with_its_rule(
    person: Contact, acme: Business, open_window: datetime, sandbox: Sandbox
) -> None:
    browser = admin()
    fields = form_of(browser, person) | {"purpose": "service", "text": "Hello"}
    factories.withdrawn(ONE, acme, now=datetime.now(UTC))
    text = said(browser.post(at("contact_send", person.pk), fields))
    assert "The person opted out of Acme." in text
    assert "Record a new opt-in" in text
    assert sandbox.people.messages(ONE) == ()


def test_while_the_identity_is_unverified_the_refusal_leads_to_the_case(
    person: Contact, number: BusinessNumber, sandbox: Sandbox
) -> None:
    case = mismatched(person, number, sandbox)
    response = admin().get(at("contact_send", person.pk))
    assert "The person's WhatsApp identity has changed" in said(response)
    assert at("trustcase_change", case.pk) in response.content.decode()
    assert TrustCase.objects.count() == 1


def test_a_paused_account_is_named_with_the_page_that_resumes_it(
    person: Contact, number: BusinessNumber, open_window: datetime
) -> None:
    ProviderAccount.objects.update(paused_at=datetime.now(UTC), paused_reason="credentials")
    response = admin().get(at("contact_send", person.pk))
    assert "Nothing may be sent." in said(response)
    assert f"/providers/provideraccount/{number.account.pk}/change/" in response.content.decode()


def test_the_identity_that_goes_with_it_is_shown(
    person: Contact, number: BusinessNumber, open_window: datetime
) -> None:
    assert "none: no identity is trusted yet" in page_of(admin(), "contact_send", person.pk)
    senders.trusts(person, number)
    page = admin().get(at("contact_send", person.pk)).content.decode()
    assert "<span>DF2l</span><span>S5v2</span><span>W6x=</span>" in page


def test_a_message_that_the_provider_refuses_is_told_in_words(
    acme: Business, number: BusinessNumber, sandbox: Sandbox
) -> None:
    unlucky = senders.agreed(factories.number(702), acme)
    senders.wrote(unlucky, number, datetime.now(UTC) - timedelta(hours=1))
    browser = admin()
    fields = form_of(browser, unlucky) | {"purpose": "service", "text": "Hello"}
    text = said(browser.post(at("contact_send", unlucky.pk), fields, follow=True))
    assert "131047" in text or "24 hours" in text
    assert "The provider took the message." not in text


def test_without_a_number_that_can_send_the_page_says_so(person: Contact) -> None:
    text = page_of(admin(), "contact_send", person.pk)
    assert "No number of yours can send yet" in text


def test_among_several_numbers_one_is_chosen(
    person: Contact, number: BusinessNumber, acme: Business, sandbox: Sandbox
) -> None:
    node = factories.account(acme, "onprem", base_url=sandbox.url)
    text = page_of(admin(), "contact_send", person.pk, query=f"?from=a{node.pk}")
    assert f"{node.name} (On-Premises)" in text
    assert "Use this number" in text
