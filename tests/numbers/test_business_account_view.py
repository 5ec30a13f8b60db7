"""A WABA in the console: added, read from Meta, subscribed; the first page of a number that comes into it."""

import pytest
from django.test import Client

from audit.models import AuditEvent
from numbers.models import BusinessAccount, BusinessNumber
from providers.models import Business
from providers.secret import Secret
from sandbox import Ending, Sandbox
from sandbox.seeds import KALEYRA_E164, KALEYRA_NUMBER_ID, WABA
from tests import clients, factories
from tests.numbers import stage


@pytest.fixture
def support(db: None) -> Client:
    return clients.browser(clients.SUPPORT)


def add(browser: Client, waba: BusinessAccount, **fields: str) -> str:
    page = stage.at("businessnumber_add") + f"?business_account={waba.pk}"
    return stage.said(browser.post(page, fields, follow=True))


def test_a_waba_is_added_with_its_event(acme: Business, sandbox: Sandbox) -> None:
    account = factories.account(acme, "cloud_api", base_url=sandbox.url)
    admin = clients.browser(clients.ADMIN)
    fields = {"waba_id": WABA, "business": acme.pk, "account": account.pk, "name": ""}
    admin.post(stage.at("businessaccount_add"), fields)
    waba = BusinessAccount.objects.get()
    event = AuditEvent.objects.get(action="waba.added")
    assert (event.subject, event.actor) == (f"BusinessAccount:{waba.pk}", "business")
    admin.post(stage.at("businessaccount_change", waba.pk), {"name": "Acme Peru", "waba_id": "1"})
    waba.refresh_from_db()
    assert (waba.name, waba.waba_id) == ("Acme Peru", WABA)
    assert AuditEvent.objects.filter(action="waba.changed").exists()


@pytest.mark.parametrize("waba_id", ["10229/../1", "abc", ""])
def test_an_id_that_is_none_of_metas_is_refused(waba_id: str, acme: Business, sandbox: Sandbox) -> None:
    account = factories.account(acme, "cloud_api", base_url=sandbox.url)
    fields = {"waba_id": waba_id, "business": acme.pk, "account": account.pk}
    assert clients.browser(clients.ADMIN).post(stage.at("businessaccount_add"), fields).status_code == 200
    assert not BusinessAccount.objects.exists()


def test_a_waba_stays_with_the_business_that_its_account_serves(acme: Business, sandbox: Sandbox) -> None:
    account = factories.account(acme, "cloud_api", base_url=sandbox.url)
    other = factories.business("Beta")
    fields = {"waba_id": WABA, "business": other.pk, "account": account.pk}
    response = clients.browser(clients.ADMIN).post(stage.at("businessaccount_add"), fields)
    assert "serves Acme only" in stage.said(response)


def test_sync_brings_the_numbers_and_how_meta_judges_the_waba(
    support: Client, acme: Business, sandbox: Sandbox
) -> None:
    waba = stage.cloud_waba(acme, sandbox)
    text = stage.said(support.post(stage.at("businessaccount_sync", waba.pk), follow=True))
    assert "Read from Meta: 7 new, 0 changed, 0 as before." in text
    for words in ("Approved", "Verified", "10,000 people a day", "Not subscribed", "+44 20 7946 0958"):
        assert words in text
    again = stage.said(support.post(stage.at("businessaccount_sync", waba.pk), follow=True))
    assert "0 new" in again


def test_subscribing_is_told_and_leads_back_to_the_number(support: Client, acme: Business, sandbox: Sandbox) -> None:
    number = stage.cloud_number(acme, sandbox)
    page = stage.at("businessaccount_subscribe", number.business_account_id)
    response = support.post(page, {"number": number.pk}, follow=True)
    assert "The webhooks are subscribed" in stage.said(response)
    assert response.redirect_chain[0][0] == stage.at("businessnumber_change", number.pk)
    assert sandbox.business_account(WABA).subscribed


def test_a_refused_sync_says_why_and_changes_nothing(support: Client, acme: Business, sandbox: Sandbox) -> None:
    waba = stage.cloud_waba(acme, sandbox)
    waba.account.credentials = {"access_token": Secret("noperm-token")}
    waba.account.save()
    text = stage.said(support.post(stage.at("businessaccount_sync", waba.pk), follow=True))
    assert "What to do:" in text and "200" in text
    assert not BusinessNumber.objects.exists()


def test_kaleyra_is_not_read_and_the_page_says_so(support: Client, acme: Business, sandbox: Sandbox) -> None:
    waba = stage.kaleyra_waba(acme, sandbox)
    response = support.get(stage.at("businessaccount_change", waba.pk))
    assert "Kaleyra keeps the WABA in its own console" in stage.said(response)
    assert b"Sync from Meta" not in response.content


def test_without_a_waba_the_first_page_says_so(support: Client) -> None:
    assert "there is none yet" in stage.said(support.get(stage.at("businessnumber_add")))


def test_with_several_wabas_the_first_page_asks_which(support: Client, acme: Business, sandbox: Sandbox) -> None:
    first, second = stage.cloud_waba(acme, sandbox), stage.kaleyra_waba(acme, sandbox)
    body = support.get(stage.at("businessnumber_add")).content.decode()
    assert f"?business_account={first.pk}" in body and f"?business_account={second.pk}" in body


def test_a_new_number_is_written_down_and_then_added(support: Client, acme: Business, sandbox: Sandbox) -> None:
    waba = stage.cloud_waba(acme, sandbox)
    text = add(support, waba, e164="+1 (202) 555-1177", origin="NEW", verified_name="Acme Lima")
    number = BusinessNumber.objects.get()
    assert (number.e164, number.origin, number.phone_number_id) == ("+12025551177", "NEW", "")
    assert "Add it to the WABA" in text
    assert sandbox.number_of("+12025551177") is None, "nothing leaves before the next button"
    text = stage.after(support, "add_at_provider", number, verified_name="Acme Lima")
    assert "The number is in the WABA." in text and "Request a code" in text
    assert sandbox.number_of("+12025551177")
    assert AuditEvent.objects.filter(action="number.begun").exists()


def test_a_number_of_another_provider_is_moved(support: Client, acme: Business, sandbox: Sandbox) -> None:
    waba = stage.cloud_waba(acme, sandbox)
    e164 = f"+12025551{Ending.WITH_ANOTHER_PROVIDER}"
    add(support, waba, e164=e164, origin="NEW", verified_name="Acme")
    number = BusinessNumber.objects.get()
    text = stage.after(support, "add_at_provider", number, verified_name="Acme")
    assert "What to do:" in text
    stage.after(support, "origin", number, origin="OTHER_PROVIDER")
    assert "The number is in the WABA." in stage.after(support, "add_at_provider", number, verified_name="")


def test_a_number_that_is_here_already_is_found_by_reading(support: Client, acme: Business, sandbox: Sandbox) -> None:
    waba = stage.cloud_waba(acme, sandbox)
    text = add(support, waba, e164="+1 555-005-1310", origin="HERE", verified_name="")
    assert "Sync from Meta" in text
    number = BusinessNumber.objects.get()
    support.post(stage.at("businessaccount_sync", waba.pk), {"number": number.pk})
    number.refresh_from_db()
    assert number.phone_number_id


@pytest.mark.parametrize(
    ("e164", "words"),
    [
        ("987654321", "has no leading +"),
        ("+44 03012 345678", "Probably meant"),
        ("+12", "calling code"),
        ("+1555abc", "holds letters"),
        ("", "This field is required."),
    ],
)
def test_what_is_no_number_is_refused_beside_its_field(
    e164: str, words: str, support: Client, acme: Business, sandbox: Sandbox
) -> None:
    waba = stage.cloud_waba(acme, sandbox)
    assert words in add(support, waba, e164=e164, origin="NEW", verified_name="Acme")
    assert not BusinessNumber.objects.exists()


def test_a_number_that_the_waba_holds_is_not_begun_again(support: Client, acme: Business, sandbox: Sandbox) -> None:
    number = stage.cloud_number(acme, sandbox)
    text = add(support, number.business_account, e164=number.e164, origin="NEW", verified_name="Acme")
    assert "This number is in the WABA already." in text


@pytest.mark.parametrize(("phone_number_id", "is_kept"), [(KALEYRA_NUMBER_ID, True), ("67/../1", False), ("", False)])
def test_a_kaleyra_number_is_entered_with_its_id(
    phone_number_id: str, is_kept: bool, support: Client, acme: Business, sandbox: Sandbox
) -> None:
    waba = stage.kaleyra_waba(acme, sandbox)
    text = add(support, waba, e164=KALEYRA_E164, phone_number_id=phone_number_id)
    assert BusinessNumber.objects.exists() is is_kept
    assert ("Enter the code" in text) is is_kept
