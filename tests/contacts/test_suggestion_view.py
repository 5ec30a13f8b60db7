"""What people wrote that may mean consent or its end: a person reads it, and records or dismisses it."""

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from contacts.models import Consent, Contact, OptIn, Suggestion
from numbers.models import BusinessNumber
from providers.models import Business
from sandbox import Sandbox
from tests import clients, factories
from tests.contacts import senders, writers
from tests.contacts.screens import admin, at, page_of, support
from tests.numbers.stage import said

pytestmark = pytest.mark.django_db
#: As the support staff see +44 7400 000100.
MASKED = "+44 •••• •••100"
ONE, TWO = factories.number(100), factories.number(101)


@pytest.fixture
def number(acme: Business, sandbox: Sandbox) -> BusinessNumber:
    return senders.our_number(acme, sandbox.url)


@pytest.fixture
def person(acme: Business) -> Contact:
    return senders.agreed(ONE, acme)


@pytest.fixture
def opt_out(person: Contact, number: BusinessNumber) -> Suggestion:
    writers.writes(number, ONE, "Please take me off your list", at=datetime.now(UTC))
    return Suggestion.objects.get(kind="OPT_OUT")


@pytest.fixture
def opt_in(number: BusinessNumber) -> Suggestion:
    writers.writes(number, TWO, "START", at=datetime.now(UTC))
    return Suggestion.objects.get(kind="OPT_IN")


def test_home_and_the_list_show_it_with_its_due_date(opt_out: Suggestion) -> None:
    home = said(support().get(reverse("admin:index")))
    assert f"Possible opt-out: {MASKED}, Acme. Due" in home
    listing = page_of(support(), "suggestion_changelist")
    assert "Possible opt-out" in listing
    assert "To decide" in listing
    Suggestion.objects.update(due_at=datetime.now(UTC) - timedelta(days=1))
    assert "It was due" in said(support().get(reverse("admin:index")))
    assert "Overdue" in page_of(support(), "suggestion_changelist")


def test_what_was_decided_leaves_home_and_the_list(opt_out: Suggestion) -> None:
    support().post(at("suggestion_decide", opt_out.pk), {"decision": "dismiss"})
    assert "Possible opt-out" not in said(support().get(reverse("admin:index")))
    assert "To decide" in page_of(support(), "suggestion_changelist")
    assert MASKED not in page_of(support(), "suggestion_changelist")
    assert "Dismissed" in page_of(support(), "suggestion_changelist", query="?state=decided")


def test_the_message_is_read_and_the_opt_out_recorded_with_it_as_evidence(opt_out: Suggestion, person: Contact) -> None:
    browser = support()
    assert "Please take me off your list" in page_of(browser, "suggestion_change", opt_out.pk)
    text = said(browser.post(at("suggestion_decide", opt_out.pk), {"decision": "record"}, follow=True))
    assert "Opted out of Acme." in text
    assert not Consent.objects.get(contact=person).grants
    withdrawn = OptIn.objects.filter(state="WITHDRAWN").latest("pk")
    assert "Please take me off your list" in withdrawn.evidence.text
    assert "Recorded" in page_of(browser, "suggestion_change", opt_out.pk)


def test_dismissing_changes_nothing(opt_out: Suggestion, person: Contact) -> None:
    text = said(support().post(at("suggestion_decide", opt_out.pk), {"decision": "dismiss"}, follow=True))
    assert "Nothing about this person's consent has changed." in text
    assert Consent.objects.get(contact=person).grants


def test_it_is_decided_once(opt_out: Suggestion, person: Contact) -> None:
    support().post(at("suggestion_decide", opt_out.pk), {"decision": "dismiss"})
    text = said(support().post(at("suggestion_decide", opt_out.pk), {"decision": "record"}, follow=True))
    assert "Somebody has decided this already." in text
    assert Consent.objects.get(contact=person).grants


def test_an_opt_in_asks_for_what_the_message_does_not_prove(opt_in: Suggestion) -> None:
    browser = admin()
    assert "A message never grants consent by itself" in page_of(browser, "suggestion_change", opt_in.pk)
    refused = said(browser.post(at("suggestion_decide", opt_in.pk), {"decision": "record"}))
    assert "Nothing was saved." in refused
    assert not OptIn.objects.exists()
    fields = {"decision": "record", "business_name_shown": "Acme", "purposes": ["service"]}
    text = said(browser.post(at("suggestion_decide", opt_in.pk), fields, follow=True))
    assert "The opt-in is recorded" in text
    assert "START" in OptIn.objects.get().evidence.text


def test_support_staff_may_dismiss_an_opt_in_and_not_record_it(opt_in: Suggestion) -> None:
    browser = support()
    assert "Recording an opt-in is for business admins" in page_of(browser, "suggestion_change", opt_in.pk)
    fields = {"decision": "record", "business_name_shown": "Acme"}
    assert browser.post(at("suggestion_decide", opt_in.pk), fields).status_code == 403
    assert not OptIn.objects.exists()
    browser.post(at("suggestion_decide", opt_in.pk), {"decision": "dismiss"})
    assert Suggestion.objects.get().outcome == "DISMISSED"


def test_a_sender_without_a_number_is_named_before_it_is_recorded(number: BusinessNumber, acme: Business) -> None:
    event = writers.message("", "Please take me off your list", at=datetime.now(UTC), bsuid="US.1349")
    writers.receive(number, event)
    suggestion = Suggestion.objects.get()
    browser = support()
    text = page_of(browser, "suggestion_change", suggestion.pk)
    assert "a person without a number" in text
    assert "Please take me off your list" in text
    assert "US.1349" in text
    assert "Nothing was saved." in said(
        browser.post(at("suggestion_decide", suggestion.pk), {"decision": "record", "number": "7400 000100"})
    )
    browser.post(at("suggestion_decide", suggestion.pk), {"decision": "record", "number": ONE})
    assert OptIn.objects.get().state == "WITHDRAWN"


def test_an_auditor_reads_and_decides_nothing(opt_out: Suggestion) -> None:
    text = page_of(clients.browser(clients.AUDITOR), "suggestion_change", opt_out.pk)
    assert "Please take me off your list" in text
    assert "dismiss" not in text
