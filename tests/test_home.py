"""The home page: what needs a person now by role, the first steps that tick themselves, and the banner of a demo."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.contrib.auth.models import Group, User
from django.core.cache import cache
from django.test import Client, RequestFactory
from django.views.defaults import server_error

from audit import heads
from audit.models import ProviderCall
from contacts import checks
from contacts.models import ContactCheck
from numbers.models import BusinessNumber
from providers import accounts, limits
from providers.models import BudgetUse, Business, ProviderAccount
from sandbox import Sandbox
from tests import clients, factories
from tests.numbers import stage


@pytest.fixture(autouse=True)
def fresh_cache() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def home(role: str) -> str:
    return " ".join(clients.browser(role).get("/").content.decode().split())


@pytest.mark.django_db
def test_an_empty_installation_shows_the_first_steps() -> None:
    text = home(clients.ADMIN)
    assert "Nothing needs you now." in text
    assert text.count('<li class="open">') == 6


def test_each_step_ticks_itself(acme: Business, sandbox: Sandbox) -> None:
    assert home(clients.ADMIN).count('<li class="done">') == 1
    account = factories.account(acme, "onprem", base_url="http://127.0.0.1:9")
    # What no account can do is no step: this one has no numbers of ours.
    assert home(clients.ADMIN).count('<li class="open">') == 3
    assert home(clients.ADMIN).count('<li class="done">') == 2
    accounts.test_connection(account=account, actor="tests", now=datetime.now(UTC))
    assert home(clients.ADMIN).count('<li class="done">') == 2, "a test that failed is none"
    ProviderAccount.objects.update(base_url=sandbox.url)
    account.refresh_from_db()
    accounts.test_connection(account=account, actor="tests", now=datetime.now(UTC))
    assert home(clients.ADMIN).count('<li class="done">') == 3
    factories.opted_in(factories.number(100), acme)
    assert home(clients.ADMIN).count('<li class="done">') == 4
    factories.check_run(account, factories.number(100))
    assert "First steps" not in home(clients.ADMIN)
    waba = stage.cloud_waba(acme, sandbox)
    assert home(clients.ADMIN).count('<li class="open">') == 1
    BusinessNumber.objects.create(business_account=waba, e164="+15550051310", status="CONNECTED")
    assert "First steps" not in home(clients.ADMIN)


@pytest.mark.django_db
def test_each_step_leads_to_a_page_that_opens_on_an_empty_installation() -> None:
    browser = clients.browser(clients.ADMIN)
    steps = re.findall(r'<li class="open">.*?<a href="([^"]+)">', home(clients.ADMIN))
    assert len(steps) == 6
    for address in steps:
        page = browser.get(address)
        assert page.status_code == 200, address
        # Either it can be done there, or the page says what is missing and leads to it.
        text = page.content.decode()
        assert "<form" in text[text.index('id="content"') :] or 'class="empty' in text or 'class="choices"' in text


def test_only_with_our_own_numbers_no_check_is_asked_for(acme: Business, sandbox: Sandbox) -> None:
    stage.cloud_waba(acme, sandbox)
    assert "Run the first check" not in home(clients.ADMIN)


def test_what_waits_for_a_person_is_named(acme: Business, onprem_account: ProviderAccount) -> None:
    factories.opted_in(factories.number(100), acme)
    run = factories.check_run(onprem_account, factories.number(100))
    ContactCheck.objects.update(status="UNKNOWN")
    ProviderAccount.objects.update(check_budget=100)
    BudgetUse.objects.create(account=onprem_account, minute_at=run.created_at, asked=95)
    text = home(clients.ADMIN)
    assert f"Check run #{run.pk} (acme-onprem) has numbers without an answer." in text
    assert "acme-onprem has 5 of 100 checks left for these 24 hours." in text
    factories.check_run(onprem_account, factories.number(100), retry_of=run)
    assert "has numbers without an answer" not in home(clients.ADMIN)


def test_what_our_numbers_need_is_named(acme: Business, sandbox: Sandbox) -> None:
    waba = stage.cloud_waba(acme, sandbox)
    soon = datetime.now(UTC) + timedelta(days=2)
    numbers = BusinessNumber.objects
    numbers.create(business_account=waba, e164="+15550051310", phone_number_id="1", status="PENDING")
    numbers.create(business_account=waba, e164="+15550051311", phone_number_id="2", status="BANNED")
    numbers.create(
        business_account=waba, e164="+15550051312", phone_number_id="3", status="CONNECTED", register_again_by=soon
    )
    numbers.create(
        business_account=waba,
        e164="+15550051313",
        phone_number_id="4",
        status="CONNECTED",
        identity_desired=True,
        identity_read=False,
    )
    ProviderAccount.objects.update(options={"api_version": "v19.0"})
    for role in (clients.ADMIN, clients.SUPPORT, clients.AUDITOR):
        text = home(role).replace("\N{NO-BREAK SPACE}", " ")
        assert "+1 555-005-1310 is on its way. Next: Request a code" in text
        assert "+1 555-005-1311" not in text
        assert "+1 555-005-1312: register it again by" in text
        assert "+1 555-005-1313: the identity check is not as wanted. We want it on, the provider says off." in text
        assert "v19.0" in text
    assert "+1 555-005-1310" not in home(clients.NOBODY)


def test_a_run_that_stands_still_or_was_paused_is_named(acme: Business, onprem_account: ProviderAccount) -> None:
    for ending in (100, 101, 102):
        factories.opted_in(factories.number(ending), acme)
    still, paused, fresh = (factories.check_run(onprem_account, factories.number(ending)) for ending in (100, 101, 102))
    ContactCheck.objects.filter(batch=still).update(next_attempt_at=datetime.now(UTC) - timedelta(minutes=11))
    checks.pause(batch=paused, actor="ana", now=datetime.now(UTC))
    text = home(clients.VIEWER)
    assert f"Check run #{still.pk} (acme-onprem) stands still: is the worker running?" in text
    assert f"Check run #{paused.pk} (acme-onprem) is paused." in text
    assert f"Check run #{fresh.pk}" not in text
    ProviderAccount.objects.update(paused_at=datetime.now(UTC), paused_reason="key revoked")
    text = home(clients.VIEWER)
    assert "acme-onprem sends nothing: key revoked" in text
    assert "stands still" not in text


def test_a_slow_run_that_goes_on_is_not_said_to_stand_still(acme: Business, onprem_account: ProviderAccount) -> None:
    factories.opted_in(factories.number(100), acme)
    now = datetime.now(UTC)
    run = factories.check_run(onprem_account, factories.number(100))
    ContactCheck.objects.update(next_attempt_at=now - timedelta(hours=1))
    assert "stands still" in home(clients.VIEWER)
    call = ProviderCall.objects.create(
        account_name=onprem_account.name, kind="onprem", operation="check_contacts", subject=f"CheckBatch:{run.pk}",
        method="POST", url="x", started_at=now - timedelta(minutes=9),
    )  # fmt: skip
    assert "stands still" not in home(clients.VIEWER)
    call.delete()
    limits.postpone(onprem_account, until=now + timedelta(minutes=5))
    assert "stands still" not in home(clients.VIEWER), "the provider asked us to wait"


def test_a_head_that_nobody_signed_for_a_month_is_asked_for(acme: Business) -> None:
    now = datetime.now(UTC)
    with time_machine.travel(now - timedelta(days=32), tick=False):
        factories.opted_in(factories.number(100), acme, now=datetime.now(UTC))
    assert "The head of the ledger was never signed" in home(clients.AUDITOR)
    assert "The head of the ledger" not in home(clients.SUPPORT)
    heads.sign_head(actor="ana", now=now - timedelta(days=32))
    assert "The head of the ledger was last signed on" in home(clients.AUDITOR)
    heads.sign_head(actor="ana", now=now - timedelta(days=30))
    assert "The head of the ledger" not in home(clients.AUDITOR)


def test_who_only_reads_is_not_told_to_do_it(acme: Business, sandbox: Sandbox) -> None:
    waba = stage.cloud_waba(acme, sandbox)
    BusinessNumber.objects.create(business_account=waba, e164="+15550051310", phone_number_id="1", status="PENDING")
    assert "Go on</a>" in home(clients.SUPPORT)
    assert "Go on</a>" not in home(clients.VIEWER)
    assert "Have a look</a>" in home(clients.VIEWER)


@pytest.mark.parametrize("role", [clients.ADMIN, clients.SUPPORT, clients.AUDITOR, clients.VIEWER])
def test_every_way_on_from_home_opens_for_the_role_that_sees_it(
    role: str, acme: Business, onprem_account: ProviderAccount, sandbox: Sandbox
) -> None:
    factories.opted_in(factories.number(100), acme)
    factories.check_run(onprem_account, factories.number(100))
    ContactCheck.objects.update(status="UNKNOWN")
    waba = stage.cloud_waba(acme, sandbox)
    BusinessNumber.objects.create(business_account=waba, e164="+15550051310", phone_number_id="1", status="PENDING")
    browser = clients.browser(role)
    text = home(role)
    ways = set(re.findall(r'href="(/[^"#]*)"', text[text.index('id="content"') :]))
    assert ways
    for way in ways:
        assert browser.get(way).status_code == 200, way


def test_the_menu_is_in_the_order_of_what_people_do(acme: Business) -> None:
    browser = clients.browser(clients.ADMIN)
    text = browser.get("/contacts/contact/").content.decode()
    groups = re.findall(r'class="section">([^<]+)<', text)
    wanted = ["Contacts", "Checks", "Numbers", "Messages", "Identity", "Webhooks", "Audit", "Settings"]
    # Users and groups are for superusers; businesses and accounts stay.
    assert groups == wanted
    assert '<a href="/contacts/contact/" aria-current="page">' in text
    assert text.count('aria-current="page"') == 1
    assert 'href="#nav-sidebar"' in text
    one = browser.get(f"/providers/business/{acme.pk}/change/").content.decode()
    assert '<a href="/providers/business/" aria-current="true">' in one


@pytest.mark.django_db
@pytest.mark.parametrize("app", ["contacts", "numbers", "webhooks", "providers", "audit"])
def test_the_page_of_an_app_leads_on_and_does_not_pretend_to_be_home(app: str) -> None:
    text = clients.browser(clients.ADMIN).get(f"/{app}/").content.decode()
    assert "What needs a person now" not in text
    assert 'href="/contacts/contact/"' in text
    assert 'href="/">Home</a>' in text


@pytest.mark.django_db
def test_each_heading_of_the_menu_leads_to_its_part_of_home() -> None:
    text = clients.browser(clients.ADMIN).get("/").content.decode()
    parts = re.findall(r'<a href="/#([\w-]+)" class="section">', text)
    assert len(parts) == 8
    assert all(text.count(f'id="{part}"') == 1 for part in parts)


def test_each_role_is_offered_what_it_may_do(acme: Business) -> None:
    assert "New check run" in home(clients.ADMIN)
    support = home(clients.SUPPORT)
    assert "Record opt-out" in support
    assert "New check run" not in support
    assert "First steps" not in support
    assert "no permission to see anything yet" in home(clients.NOBODY)


@pytest.mark.django_db
def test_a_page_that_is_not_there_says_so_in_our_frame() -> None:
    response = clients.browser(clients.ADMIN).get("/contacts/contact/999/change/")
    assert response.status_code == 404
    assert b"There is no page at this address." in response.content
    assert b"Business numbers" in response.content


def test_a_refused_page_says_that_the_role_lacks_it(acme: Business) -> None:
    response = clients.browser(clients.SUPPORT).get("/contacts/checkbatch/add/")
    assert response.status_code == 403
    assert b"Your role does not allow this." in response.content
    assert b"Business numbers" in response.content and b"Users" not in response.content
    assert Client().get("/contacts/checkbatch/add/").status_code == 302


@pytest.mark.django_db
def test_a_form_without_its_token_is_refused_in_our_words() -> None:
    browser = Client(enforce_csrf_checks=True)
    response = browser.post("/login/", {"username": "ana", "password": "secret"})
    assert response.status_code == 403
    assert b"Nothing was done: the form was too old" in response.content
    assert b'href="/">Back to Home</a>' in response.content
    assert b"style=" not in response.content


def test_an_error_of_ours_says_what_is_known_and_asks_the_database_nothing() -> None:
    response = server_error(RequestFactory().get("/"))
    assert response.status_code == 500
    assert b"This page stopped at an error of ours." in response.content
    assert b'href="/">Back to Home</a>' in response.content


@pytest.mark.parametrize("what", ["user", "group"])
def test_neither_users_nor_groups_are_deleted(what: str, admin_user: User) -> None:
    browser = Client()
    browser.force_login(admin_user)
    pk = admin_user.pk if what == "user" else Group.objects.latest("pk").pk
    assert browser.get(f"/auth/{what}/").status_code == 200
    assert browser.get(f"/auth/{what}/{pk}/change/").status_code == 200
    assert browser.get(f"/auth/{what}/{pk}/delete/").status_code == 403
