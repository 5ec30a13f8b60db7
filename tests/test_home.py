"""The home page: what needs a person now by role, the first steps that tick themselves, and the banner of a demo."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from contacts.models import ContactCheck
from numbers.models import BusinessNumber
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
    assert text.count('<li class="open">') == 5


def test_each_step_ticks_itself(acme: Business, sandbox: Sandbox) -> None:
    assert home(clients.ADMIN).count('<li class="done">') == 1
    account = factories.account(acme, "onprem", base_url="http://127.0.0.1:9")
    assert home(clients.ADMIN).count('<li class="done">') == 2
    factories.opted_in(factories.number(100), acme)
    assert home(clients.ADMIN).count('<li class="done">') == 3
    factories.check_run(account, factories.number(100))
    assert home(clients.ADMIN).count('<li class="done">') == 4
    waba = stage.cloud_waba(acme, sandbox)
    BusinessNumber.objects.create(business_account=waba, e164="+15550051310", status="CONNECTED")
    assert "First steps" not in home(clients.ADMIN)


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


def test_each_role_is_offered_what_it_may_do(acme: Business) -> None:
    assert "New check run" in home(clients.ADMIN)
    support = home(clients.SUPPORT)
    assert "Record opt-out" in support
    assert "New check run" not in support
    assert "First steps" not in support
    assert "no permission to see anything yet" in home(clients.NOBODY)


def test_home_asks_few_questions(acme: Business, onprem_account: ProviderAccount) -> None:
    browser = clients.browser(clients.ADMIN)
    browser.get("/")
    with CaptureQueriesContext(connection) as queries:
        browser.get("/")
    # Two of them are about the session: does it last, is its second factor there.
    assert len(queries) <= 22


@pytest.mark.django_db
def test_a_page_that_is_not_there_says_so_in_our_frame() -> None:
    response = clients.browser(clients.ADMIN).get("/contacts/contact/999/change/")
    assert response.status_code == 404
    assert b"There is no page at this address." in response.content


def test_a_refused_page_says_that_the_role_lacks_it(acme: Business) -> None:
    response = clients.browser(clients.SUPPORT).get("/contacts/checkbatch/add/")
    assert response.status_code == 403
    assert b"Your role does not allow this." in response.content
    assert Client().get("/contacts/checkbatch/add/").status_code == 302


@pytest.mark.parametrize("what", ["user", "group"])
def test_neither_users_nor_groups_are_deleted(what: str, admin_user: User) -> None:
    browser = Client()
    browser.force_login(admin_user)
    pk = admin_user.pk if what == "user" else Group.objects.latest("pk").pk
    assert browser.get(f"/auth/{what}/").status_code == 200
    assert browser.get(f"/auth/{what}/{pk}/change/").status_code == 200
    assert browser.get(f"/auth/{what}/{pk}/delete/").status_code == 403
