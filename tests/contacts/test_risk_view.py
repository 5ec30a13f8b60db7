"""What the console says about the risk of a ban, about people reached lately, and where no lookup is offered."""

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from numbers.models import BusinessNumber
from providers.models import Business, ProviderAccount
from sandbox import Sandbox
from tests import factories
from tests.contacts import senders
from tests.contacts.screens import admin
from tests.numbers.stage import said
from webhooks.models import WebhookRequest

pytestmark = pytest.mark.django_db
ONE, TWO = factories.number(100), factories.number(101)


def account_page(account: ProviderAccount) -> str:
    return said(admin().get(reverse("admin:providers_provideraccount_change", args=[account.pk])))


def test_the_account_says_that_our_sending_is_unknown_until_it_is_seen(
    onprem_account: ProviderAccount, acme: Business, sandbox: Sandbox
) -> None:
    person = senders.agreed(ONE, acme)
    factories.run(factories.check_run(onprem_account, ONE))
    text = account_page(onprem_account)
    assert "Risk of a ban" in text
    assert "1 person" in text
    assert "Unknown: waadmin does not see your sending" in text
    number = senders.our_number(acme, sandbox.url)
    senders.wrote(person, number, datetime.now(UTC) - timedelta(hours=1))
    sandbox.people.open_window(ONE)
    senders.send(person, number)
    assert "1 of 1 (100%) messaged since" in account_page(onprem_account)


def test_a_stop_names_itself(onprem_account: ProviderAccount) -> None:
    ProviderAccount.objects.update(paused_at=datetime.now(UTC), paused_reason="quota")
    assert "What stops checks now ! Stopped" in account_page(ProviderAccount.objects.get())


def test_an_account_without_lookup_has_no_risk_of_this_kind(acme: Business, sandbox: Sandbox) -> None:
    assert "Risk of a ban" not in account_page(factories.account(acme, "cloud_api", base_url=sandbox.url))


def test_where_no_account_can_look_numbers_up_the_console_says_what_it_learns_from(
    acme: Business, sandbox: Sandbox
) -> None:
    listing, new_run = reverse("admin:providers_provideraccount_changelist"), reverse("admin:contacts_checkbatch_add")
    words = "Meta's Cloud API offers no lookup. waadmin learns from deliveries instead"
    assert words not in said(admin().get(listing))
    factories.account(acme, "cloud_api", base_url=sandbox.url)
    assert words in said(admin().get(listing))
    assert words in said(admin().get(new_run))
    factories.account(acme, "onprem", base_url=sandbox.url)
    assert words not in said(admin().get(listing))
    assert words not in said(admin().get(new_run))


def test_the_preview_counts_whom_a_delivery_reached_lately(
    onprem_account: ProviderAccount, acme: Business, sandbox: Sandbox
) -> None:
    number: BusinessNumber = senders.our_number(acme, sandbox.url)
    person = senders.agreed(ONE, acme)
    senders.agreed(TWO, acme)
    fields = {"account": onprem_account.pk, "numbers": f"{ONE}\n{TWO}", "reading": "e164"}
    page = reverse("admin:contacts_checkbatch_add")
    assert "no check needed" not in said(admin().post(page, fields))
    senders.wrote(person, number, datetime.now(UTC) - timedelta(days=3))
    text = said(admin().post(page, fields))
    assert "1 of them reached lately: no check needed" in text
    assert "+44 7400 000100 reached 3 days ago" in text


def test_home_shows_webhooks_that_are_stuck_or_failed(acme: Business) -> None:
    now = datetime.now(UTC)
    home = reverse("admin:index")
    fresh = {"kind": "meta", "body": b"{}", "received_at": now, "due_at": now}
    WebhookRequest.objects.create(digest="1" * 64, **fresh)
    assert "webhook" not in said(admin().get(home)).split("First steps")[0].split("What needs")[1]
    late = {**fresh, "received_at": now - timedelta(minutes=11)}
    WebhookRequest.objects.create(digest="2" * 64, **late)
    WebhookRequest.objects.create(digest="3" * 64, **late, error="ValueError")
    text = said(admin().get(home))
    assert "1 webhook waits for more than ten minutes: is the worker running?" in text
    assert "1 webhook could not be processed." in text
