"""Wrong passwords: counted by name and address, whoever exists; locked for a while, and never everybody."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from axes.models import AccessAttempt
from django.contrib.auth.models import User
from django.test import Client, RequestFactory

from audit.models import AuditEvent
from tests.sign_in import people
from waadmin.sign_in import throttle

pytestmark = pytest.mark.django_db
HERE, THERE = {"REMOTE_ADDR": "203.0.113.7"}, {"REMOTE_ADDR": "203.0.113.8"}


@pytest.fixture
def clock() -> Iterator[Any]:
    with time_machine.travel(datetime(2026, 5, 3, 10, 0, tzinfo=UTC), tick=False) as travelled:
        yield travelled


@pytest.fixture
def ana(clock: Any) -> User:
    return people.person()


def fail(name: str = "ana", times: int = 5, **extra: str) -> Any:
    for _try in range(times):
        answer = people.password(Client(), name, "wrong", **extra)
    return answer


def lets_in(name: str = "ana", **extra: str) -> bool:
    return people.password(Client(), name, **extra).status_code == 302


def test_the_fifth_wrong_password_locks_and_the_page_says_until_when(ana: User, clock: Any) -> None:
    assert fail(times=4, **HERE).status_code == 200
    answer = fail(times=1, **HERE)

    assert answer.status_code == 429 and "2026-05-03 10:15 UTC" in answer.content.decode()
    assert not lets_in(**HERE)
    clock.shift(timedelta(minutes=15, seconds=1))
    assert lets_in(**HERE)


def test_tries_while_it_is_locked_do_not_make_it_longer(ana: User, clock: Any) -> None:
    fail(**HERE)
    clock.shift(timedelta(minutes=14))
    assert "10:15" in fail(times=3, **HERE).content.decode()
    clock.shift(timedelta(minutes=1, seconds=1))

    assert lets_in(**HERE)


def test_a_right_password_forgets_the_wrong_ones(ana: User) -> None:
    fail(times=4, **HERE)
    assert lets_in(**HERE)
    fail(times=4, **HERE)

    assert lets_in(**HERE)


def test_nobody_else_is_locked_and_nobody_is_locked_elsewhere(ana: User) -> None:
    people.person("bob")
    fail(**HERE)

    assert not lets_in("ana", **HERE)
    assert lets_in("bob", **HERE)
    assert lets_in("ana", **THERE)


def test_a_name_that_nobody_has_is_answered_the_same(ana: User) -> None:
    def said(name: str) -> list[tuple[int, str]]:
        answers = [fail(name, times=1, **HERE) for _try in range(6)]
        return [(answer.status_code, _plain(answer, name)) for answer in answers]

    assert said("ana") == said("nobody")


def _plain(answer: Any, name: str) -> str:
    text = answer.content.decode().replace(name, "NAME")
    # The token of the form is another one each time.
    return "\n".join(line for line in text.splitlines() if "csrfmiddlewaretoken" not in line)


def test_a_name_that_is_too_long_or_odd_is_only_a_wrong_one(ana: User) -> None:
    for name in ("x" * 5_000, "a\x00b", "ana\u202e", "", "é" * 200):
        assert people.password(Client(), name, "wrong", **HERE).status_code == 200


def test_nothing_that_was_typed_or_searched_for_is_kept(ana: User) -> None:
    client = Client()
    client.post(
        people.LOGIN + "?next=/contacts/contact/%3Fq=%2B447400123456",
        {"username": "ana", "password": "canary-password", "next": "/contacts/contact/?q=+447400123456"},
    )

    kept = str(AccessAttempt.objects.values().get())
    assert "447400123456" not in kept and "canary-password" not in kept


def test_the_ledger_names_the_lock_once_and_no_name_that_nobody_has(ana: User) -> None:
    fail("my-password-in-the-wrong-field", times=7, **HERE)
    fail("ana", times=7, **HERE)

    event = AuditEvent.objects.get()
    assert (event.action, event.actor, event.subject) == ("sign_in.locked", "sign-in", f"User:{ana.pk}")


@pytest.mark.parametrize(
    ("proxy", "remote", "forwarded", "counted"),
    [
        (False, "203.0.113.7", "198.51.100.1", "203.0.113.7"),
        (True, "127.0.0.1", "198.51.100.1", "198.51.100.1"),
        (True, "127.0.0.1", "1.1.1.1, 2.2.2.2, 198.51.100.1", "198.51.100.1"),
        (True, "127.0.0.1", "", "127.0.0.1"),
        (True, "127.0.0.1", "nonsense", None),
        (False, "", "198.51.100.1", None),
        (True, "127.0.0.1", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        (False, "2001:db8:1:2:ffff::1", "", "2001:db8:1:2::"),
        (True, "127.0.0.1", "198.51.100.1:4711", None),
    ],
)
def test_the_address_is_the_one_that_our_own_proxy_saw(
    settings: Any, proxy: bool, remote: str, forwarded: str, counted: str | None
) -> None:
    settings.SECURE_PROXY = proxy
    request = RequestFactory().get("/", REMOTE_ADDR=remote, HTTP_X_FORWARDED_FOR=forwarded)

    assert throttle.client_address(request) == counted


def test_behind_a_proxy_a_made_up_address_escapes_nothing(ana: User, settings: Any) -> None:
    settings.SECURE_PROXY = True
    for turn in range(5):
        fail(times=1, REMOTE_ADDR="127.0.0.1", HTTP_X_FORWARDED_FOR=f"10.0.0.{turn}, 203.0.113.7")

    assert not lets_in(REMOTE_ADDR="127.0.0.1", HTTP_X_FORWARDED_FOR="10.0.0.99, 203.0.113.7")
    assert lets_in(REMOTE_ADDR="127.0.0.1", HTTP_X_FORWARDED_FOR="203.0.113.8")


def test_code_that_authenticates_without_a_request_is_not_counted(ana: User) -> None:
    assert Client().login(username="ana", password=people.PASSWORD)
