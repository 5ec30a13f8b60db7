"""A session ends when nothing was done for half an hour, after twelve hours, and with its account."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client

from tests.sign_in import people
from tests.sign_in.people import HOME, LOGIN
from waadmin.models import StaffAccess

pytestmark = pytest.mark.django_db
MORNING = datetime(2026, 5, 3, 6, 0, tzinfo=UTC)


@pytest.fixture
def clock() -> Iterator[Any]:
    with time_machine.travel(MORNING, tick=False) as travelled:
        yield travelled


@pytest.fixture
def ana(clock: Any) -> User:
    return people.person()


def ended(response: Any) -> str:
    if response.status_code != 302 or not response["Location"].startswith(LOGIN):
        return ""
    return str(response["Location"].partition("ended=")[2].partition("&")[0])


def test_half_an_hour_without_use_ends_it_and_the_door_says_why(ana: User, clock: Any) -> None:
    client = people.signed_in(ana)

    clock.shift(timedelta(minutes=29, seconds=59))
    assert client.get(HOME).status_code == 200
    clock.shift(timedelta(minutes=30))
    answer = client.get("/contacts/contact/")

    assert ended(answer) == "idle" and "next=/contacts/contact/" in answer["Location"]
    assert b"nothing was done for a while" in client.get(answer["Location"]).content
    assert "_auth_user_id" not in client.session


def test_the_script_that_follows_progress_is_no_use(ana: User, clock: Any) -> None:
    client = people.signed_in(ana)

    for _minute in range(30):
        clock.shift(timedelta(minutes=1))
        answer = client.get(HOME, headers={"accept": "application/json"})

    assert ended(answer) == "idle"


def test_twelve_hours_end_it_however_busy_it_is(ana: User, clock: Any) -> None:
    client = people.signed_in(ana)

    for _quarter in range(47):
        clock.shift(timedelta(minutes=15))
        assert client.get(HOME).status_code == 200
    clock.shift(timedelta(minutes=15))

    assert ended(client.get(HOME)) == "too_long"


def test_the_settings_say_how_long(ana: User, clock: Any, settings: Any) -> None:
    settings.SESSION_IDLE_MINUTES = 5
    client = people.signed_in(ana)

    clock.shift(timedelta(minutes=5))

    assert ended(client.get(HOME)) == "idle"


def test_a_form_that_comes_too_late_changes_nothing_and_leads_back_to_its_page(ana: User, clock: Any) -> None:
    client = people.signed_in(ana)
    clock.shift(timedelta(minutes=31))

    answer = client.post(
        "/providers/business/add/", {"name": "Beta"}, headers={"referer": "http://testserver/providers/business/add/"}
    )

    assert ended(answer) == "idle" and "next=/providers/business/add/" in answer["Location"]


def test_a_session_from_before_these_rules_is_over(ana: User) -> None:
    client = people.signed_in(ana)
    session = client.session
    for key in ("signed_in_at", "seen_at", "proved_at"):
        del session[key]
    session.save()

    assert ended(client.get(HOME)) == "too_long"


def test_the_session_is_written_once_a_minute_only(ana: User, clock: Any, django_assert_num_queries: Any) -> None:
    client = people.signed_in(ana)
    clock.shift(timedelta(seconds=59))
    client.get(HOME)
    seen = client.session["seen_at"]
    clock.shift(timedelta(seconds=1))
    client.get(HOME)

    assert seen == MORNING.timestamp() and client.session["seen_at"] == seen + 60


def test_an_account_ends_with_its_last_day_in_the_middle_of_a_session(ana: User, clock: Any) -> None:
    StaffAccess.objects.create(user=ana, ends_on=date(2026, 5, 3))
    client = people.signed_in(ana)
    assert client.get(HOME).status_code == 200

    StaffAccess.objects.update(ends_on=date(2026, 5, 2))

    assert ended(client.get(HOME)) == "account_ended"


def test_an_account_that_ended_is_refused_at_the_door_once_its_password_was_right(ana: User, clock: Any) -> None:
    StaffAccess.objects.create(user=ana, ends_on=date(2026, 5, 2))

    right = people.password(Client())
    wrong = people.password(Client(), secret="wrong")
    nobody = people.password(Client(), "nobody")

    assert b"ended on 2 May 2026" in right.content
    assert wrong.content.count(b"ended on") == nobody.content.count(b"ended on") == 0


def test_a_new_key_after_each_proof(ana: User) -> None:
    people.with_app(ana)
    client = Client()
    people.password(client)
    before = client.session.session_key

    client.post(people.CODE, {"code": people.code_for(ana)})

    assert client.session.session_key != before
