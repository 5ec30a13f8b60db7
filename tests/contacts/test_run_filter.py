"""Choosing the people of a run by a filter: who agreed and has had no answer lately, and nobody who is hidden."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from audit.models import AuditEvent
from contacts import checks
from contacts.checks import Filter
from contacts.models import CheckBatch, Contact, ContactCheck
from providers.models import Business, ProviderAccount
from tests import clients, factories
from waadmin.models import StaffAccess

pytestmark = pytest.mark.django_db
NEW = "/contacts/checkbatch/add/"
CONFIRM = "/contacts/checkbatch/confirm/"
NOW = datetime.now(UTC)
LONG_AGO, LATELY = NOW - timedelta(days=40), NOW - timedelta(days=3)
ONE, TWO, THREE, PERU = factories.number(100), factories.number(101), factories.number(102), factories.peruvian(103)


def chosen(business: Business, *, purpose: str = "", days: int = 30, most: int = 100, **fields: Any) -> set[str]:
    wanted = Filter(purpose=purpose, unchecked_days=days, **fields)
    return set(checks.choose(business=business, wanted=wanted, at=NOW, most=most).numbers)


def agreed(number: str, business: Business, *, given_at: datetime = LONG_AGO, **fields: Any) -> None:
    factories.opted_in(number, business, given_at=given_at, now=given_at, **fields)


@pytest.fixture
def account(acme: Business) -> ProviderAccount:
    return factories.account(acme, "onprem", base_url="http://127.0.0.1:9", check_budget=1000)


def answered(account: ProviderAccount, number: str, *, at: datetime, status: str = "VALID") -> None:
    batch = factories.check_run(account, number, now=at)
    batch.checks.update(status=status, checked_at=at, next_attempt_at=None)
    CheckBatch.objects.filter(pk=batch.pk).update(state=CheckBatch.State.FINISHED, finished_at=at)


def test_who_agreed_to_this_business_and_to_the_purpose_is_chosen(acme: Business) -> None:
    agreed(ONE, acme, purposes=["marketing"])
    agreed(TWO, acme, purposes=["service"])
    agreed(THREE, factories.business("Other"), purposes=["marketing"])
    assert chosen(acme) == {ONE, TWO}
    assert chosen(acme, purpose="marketing") == {ONE}


def test_nobody_is_chosen_whose_opt_in_does_not_stand_now(acme: Business) -> None:
    agreed(ONE, acme)
    factories.withdrawn(ONE, acme, now=LATELY)
    agreed(TWO, acme, expires_at=LATELY)
    factories.opted_in(THREE, acme, given_at=NOW + timedelta(days=1), now=NOW)
    agreed(PERU, acme, purposes=["service", "marketing"])
    factories.withdrawn(PERU, acme, now=LATELY, purposes=["marketing"])
    assert chosen(acme) == {PERU}
    assert chosen(acme, purpose="marketing") == set()


def test_nobody_is_chosen_who_had_an_answer_within_the_days(acme: Business, account: ProviderAccount) -> None:
    for number in (ONE, TWO, THREE, PERU):
        agreed(number, acme)
    answered(account, ONE, at=NOW - timedelta(days=31))
    answered(account, TWO, at=NOW - timedelta(days=29))
    answered(account, THREE, at=NOW - timedelta(days=1), status="FAILED")
    assert chosen(acme, days=30) == {ONE, THREE, PERU}
    assert chosen(acme, days=32) == {THREE, PERU}
    assert chosen(acme, days=0) == {ONE, TWO, THREE, PERU}


def test_an_answer_to_another_business_does_not_count(acme: Business, account: ProviderAccount) -> None:
    other = factories.business("Other")
    agreed(ONE, acme)
    agreed(ONE, other)
    answered(account, ONE, at=LATELY)
    assert chosen(acme) == set()
    assert chosen(other) == {ONE}


def test_nobody_is_chosen_whom_an_open_run_is_about_to_ask(acme: Business, account: ProviderAccount) -> None:
    agreed(ONE, acme)
    batch = factories.check_run(account, ONE, now=NOW)
    assert chosen(acme, days=0) == set()
    checks.cancel(batch=batch, actor="tests", now=NOW)
    assert chosen(acme, days=0) == {ONE}


def test_region_and_the_day_of_the_opt_in_narrow_it(acme: Business) -> None:
    agreed(ONE, acme)
    agreed(TWO, acme, given_at=LATELY)
    agreed(PERU, acme)
    assert chosen(acme, region="PE") == {PERU}
    assert chosen(acme, region="GB") == {ONE, TWO}
    assert chosen(acme, opted_in_since=NOW - timedelta(days=5)) == {TWO}


def test_people_whose_data_are_restricted_are_never_chosen(acme: Business) -> None:
    agreed(ONE, acme)
    Contact.objects.update(restricted_at=NOW, restricted_until=NOW + timedelta(days=9))
    assert chosen(acme) == set()


def test_more_than_the_cap_says_so_and_keeps_its_order(acme: Business) -> None:
    for number in (ONE, TWO, THREE):
        agreed(number, acme)
    wanted = Filter(purpose="", unchecked_days=30)
    two = checks.choose(business=acme, wanted=wanted, at=NOW, most=2)
    three = checks.choose(business=acme, wanted=wanted, at=NOW, most=3)
    assert (two.numbers, two.more) == ((ONE, TWO), True)
    assert (three.numbers, three.more) == ((ONE, TWO, THREE), False)
    assert two.digest != three.digest


# In the browser.


def asked(account: ProviderAccount, **fields: Any) -> dict[str, Any]:
    return {"account": account.pk, "reading": "e164", "source": "FILTER", "unchecked_days": 30, **fields}


def said(response: Any) -> str:
    text = re.sub(r"<[^>]+>", " ", response.content.decode())
    return re.sub(r"\s+", " ", text.replace("&#x27;", "'").replace("\N{NO-BREAK SPACE}", " "))


def hidden(response: Any) -> dict[str, str]:
    """What the preview's form sends on."""
    found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', response.content.decode())
    return {name: value.replace("&#x27;", "'") for name, value in found if name != "csrfmiddlewaretoken"}


def test_the_preview_counts_the_people_and_holds_none_of_their_numbers(
    admin_browser: Client, account: ProviderAccount, acme: Business
) -> None:
    for number in (ONE, TWO, PERU):
        agreed(number, acme)
    response = admin_browser.post(NEW, asked(account, purpose="service", chosen_region="gb"))
    text = said(response)
    assert "2: 2 to check; nothing sent yet; budget 998 of 1000 after." in text
    assert "People chosen no answer for 30 days, of GB" in text
    for number in (ONE, TWO, PERU):
        assert number[1:] not in response.content.decode()
    assert not CheckBatch.objects.exists()


def test_confirming_makes_the_run_once_and_the_ledger_names_the_filter(
    admin_browser: Client, account: ProviderAccount, acme: Business
) -> None:
    agreed(ONE, acme, given_at=LATELY)
    since = (NOW - timedelta(days=5)).date().isoformat()
    form = hidden(admin_browser.post(NEW, asked(account, opted_in_since=since)))
    first, again = admin_browser.post(CONFIRM, form), admin_browser.post(CONFIRM, form)
    batch = CheckBatch.objects.get()
    assert first["Location"] == again["Location"] == f"/contacts/checkbatch/{batch.pk}/change/"
    assert factories.results(batch) == {ONE: "WAITING"}
    assert batch.source == CheckBatch.Source.FILTER
    event = AuditEvent.objects.get(action="check.requested")
    assert event.details["chosen_by"] == {
        "purpose": "",
        "unchecked_days": 30,
        "region": "",
        "opted_in_since": f"{since}T00:00:00+00:00",
    }
    assert ONE[1:] not in str(event.details)
    page = said(admin_browser.get(first["Location"]))
    assert f"Filter: people who agreed: no answer for 30 days, opted in since {since}" in page


def test_other_people_than_were_shown_are_shown_first(
    admin_browser: Client, account: ProviderAccount, acme: Business
) -> None:
    agreed(ONE, acme)
    form = hidden(admin_browser.post(NEW, asked(account)))
    agreed(TWO, acme)
    response = admin_browser.post(CONFIRM, form)
    assert "Other people meet the filter now than when you looked." in said(response)
    assert "2: 2 to check" in said(response)
    assert not CheckBatch.objects.exists()
    assert admin_browser.post(CONFIRM, hidden(response)).status_code == 302
    assert ContactCheck.objects.count() == 2


def test_who_opts_out_between_preview_and_confirmation_is_not_asked(
    admin_browser: Client, account: ProviderAccount, acme: Business
) -> None:
    agreed(ONE, acme)
    agreed(TWO, acme)
    form = hidden(admin_browser.post(NEW, asked(account)))
    factories.withdrawn(TWO, acme, now=datetime.now(UTC))
    assert "1: 1 to check" in said(admin_browser.post(CONFIRM, form))
    assert not CheckBatch.objects.exists()


def test_a_filter_that_finds_nobody_or_says_too_little_is_refused_in_words(
    admin_browser: Client, account: ProviderAccount, acme: Business
) -> None:
    assert "Nobody meets this filter" in said(admin_browser.post(NEW, asked(account)))
    agreed(ONE, acme)
    assert "Say for how many days" in said(admin_browser.post(NEW, asked(account, unchecked_days="")))
    for address in (NEW, CONFIRM):
        response = admin_browser.post(address, asked(account, unchecked_days="-1"))
        assert "greater than or equal to 0" in said(response)
    assert "Enter a valid date" in said(admin_browser.post(NEW, asked(account, opted_in_since="May")))
    assert "Select a valid choice" in said(admin_browser.post(NEW, asked(account, source="RETRY")))
    assert not CheckBatch.objects.exists()


def test_change_something_brings_the_filter_back(
    admin_browser: Client, account: ProviderAccount, acme: Business
) -> None:
    agreed(PERU, acme)
    form = hidden(admin_browser.post(NEW, asked(account, chosen_region="PE", unchecked_days=7)))
    text = admin_browser.post(NEW, {**form, "edit": "1"}).content.decode()
    assert '<option value="FILTER" selected>' in text
    assert re.search(r'name="unchecked_days" value="7"', text)
    assert re.search(r'name="chosen_region" value="PE"', text)


def test_two_forms_of_one_person_are_masked_for_whom_numbers_are(account: ProviderAccount, acme: Business) -> None:
    for form in ("+525512345678", "+5215512345678"):
        agreed(form, acme)
    user = User.objects.create_user("checker", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["add_checkbatch", "view_checkbatch"]))
    StaffAccess.objects.update_or_create(user=user, defaults={"reaches_every_business": True})
    client = Client()
    client.force_login(user)
    response = client.post(NEW, asked(account))
    assert "Two forms of one person's number" in said(response)
    assert "12345678" not in said(response).replace(" ", "")


@pytest.mark.parametrize("role", [clients.SUPPORT, clients.AUDITOR, clients.VIEWER, clients.NOBODY])
def test_only_who_may_check_may_choose(role: str, account: ProviderAccount) -> None:
    client = clients.browser(role)
    assert client.post(NEW, asked(account)).status_code == 403
    assert client.post(CONFIRM, asked(account)).status_code == 403
