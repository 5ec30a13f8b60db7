"""Before secrets change or are shown: a proof within ten minutes that it is still the same person."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from providers.models import Business, ProviderAccount
from sandbox import Sandbox
from tests import factories
from tests.numbers import stage
from tests.sign_in import people
from tests.sign_in.people import AGAIN

pytestmark = pytest.mark.django_db


@pytest.fixture
def clock() -> Iterator[Any]:
    with time_machine.travel(datetime(2026, 5, 3, 10, 0, tzinfo=UTC), tick=False) as travelled:
        yield travelled


@pytest.fixture
def account(acme: Business) -> ProviderAccount:
    return factories.account(acme, "onprem", base_url="http://127.0.0.1:9")


@pytest.fixture
def ana(clock: Any) -> User:
    return people.person()


def at(account: ProviderAccount, page: str) -> str:
    return reverse(f"admin:providers_provideraccount_{page}", args=[account.pk])


def asked_again(response: Any) -> str:
    """Give where the page that asks leads back to, or nothing."""
    if response.status_code != 302 or not response["Location"].startswith(AGAIN):
        return ""
    return parse_qs(urlsplit(response["Location"]).query)["next"][0]


def test_ten_minutes_after_the_password_it_is_asked_again_and_leads_back(
    ana: User, clock: Any, account: ProviderAccount
) -> None:
    client = people.signed_in(ana)
    page = at(account, "credentials")

    clock.shift(timedelta(minutes=9, seconds=59))
    assert client.get(page).status_code == 200
    clock.shift(timedelta(seconds=1))
    assert asked_again(client.get(page)) == page
    assert b"current-password" in client.get(AGAIN).content
    answer = client.post(AGAIN, {"password": people.PASSWORD, "next": page})

    assert answer["Location"] == page and client.get(page).status_code == 200


def test_a_wrong_password_proves_nothing_and_counts_like_one_at_the_door(
    ana: User, clock: Any, account: ProviderAccount
) -> None:
    client = people.signed_in(ana)
    clock.shift(timedelta(minutes=10))

    answers = [client.post(AGAIN, {"password": "wrong"}).status_code for _try in range(5)]

    assert answers == [400, 400, 400, 400, 429]
    assert asked_again(client.get(at(account, "credentials")))
    assert client.post(AGAIN, {"password": people.PASSWORD}).status_code == 429


def test_somebody_with_an_app_proves_it_with_the_app(ana: User, clock: Any, account: ProviderAccount) -> None:
    people.with_app(ana)
    client = people.signed_in(ana)
    clock.shift(timedelta(minutes=10))
    page = at(account, "credentials")

    assert asked_again(client.get(page)) == page
    assert client.post(AGAIN, {"password": people.PASSWORD, "next": page}).status_code == 400
    clock.shift(timedelta(seconds=1))  # after a wrong code the next one waits a second
    assert client.post(AGAIN, {"code": people.code_for(ana), "next": page})["Location"] == page
    assert client.get(page).status_code == 200


def test_a_form_sent_too_late_changes_nothing(ana: User, clock: Any, account: ProviderAccount) -> None:
    client = people.signed_in(ana)
    clock.shift(timedelta(minutes=10))
    page = at(account, "credentials")
    before = ProviderAccount.objects.get().credentials

    answer = client.post(
        page, {"credential_token": "another-token-1234"}, headers={"referer": f"http://testserver{page}"}
    )

    assert asked_again(answer) == page
    assert ProviderAccount.objects.get().credentials == before
    assert b"Nothing was done yet" in client.get(answer["Location"]).content


def test_the_way_back_of_a_form_never_leaves_the_console(ana: User, clock: Any, account: ProviderAccount) -> None:
    client = people.signed_in(ana)
    clock.shift(timedelta(minutes=10))

    answer = client.post(at(account, "webhook"), headers={"referer": "https://evil.example/"})

    assert asked_again(answer) == reverse("admin:index")


def test_everything_that_changes_or_shows_a_secret_asks(
    ana: User, clock: Any, account: ProviderAccount, acme: Business, sandbox: Sandbox
) -> None:
    number = stage.cloud_number(acme, sandbox)
    client = people.signed_in(ana)
    clock.shift(timedelta(minutes=10))

    answers = {
        "replace credentials": client.get(at(account, "credentials")),
        "make a webhook address": client.post(at(account, "webhook")),
        "send credentials elsewhere": client.post(at(account, "change"), {"base_url": "https://evil.example"}),
        "see a PIN": client.get(stage.at("businessnumber_reveal_pin", number.pk)),
        "hand a number over with a new PIN": client.get(stage.at("businessnumber_hand_over", number.pk)),
        "begin with another app": client.post(people.BEGIN),
        "make recovery codes": client.post(people.CODES),
    }

    assert [what for what, answer in answers.items() if not asked_again(answer)] == []
    assert client.get(at(account, "change")).status_code == 200, "looking is not changing"


def test_whoever_lacks_the_permission_is_not_asked_for_a_code_first(clock: Any, account: ProviderAccount) -> None:
    client = people.signed_in(people.person("sam", "Support staff"))
    clock.shift(timedelta(minutes=10))

    assert client.get(at(account, "credentials")).status_code == 403


def test_nobody_proves_anything_without_being_signed_in() -> None:
    assert Client().post(AGAIN, {"password": people.PASSWORD}).status_code == 302
