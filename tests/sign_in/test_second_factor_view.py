"""Password, then six digits: required by role, set up once, each code good once, a lost device."""

import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib import admin
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.urls import reverse

from audit.models import AuditEvent
from tests.clients import ADMIN, SUPPORT
from tests.sign_in import people
from tests.sign_in.people import BEGIN, CODE, CODES, CONFIRM, HOME, LOGIN, SET_UP
from waadmin import BASE_DIR, roles
from waadmin.models import Authenticator, RecoveryCode
from waadmin.sign_in import second_factor

pytestmark = pytest.mark.django_db

PAGE = reverse("admin:providers_business_changelist")


@pytest.fixture
def required(settings: Any) -> None:
    """Business admins sign in with a second factor."""
    settings.SECOND_FACTOR_ROLES = [ADMIN]


@pytest.fixture
def ana(required: None) -> User:
    """A business admin without an app yet."""
    return people.person("ana", ADMIN)


def leads_to(response: Any, page: str) -> bool:
    return response.status_code == 302 and response["Location"].split("?")[0] == page


def actions() -> list[str]:
    return list(AuditEvent.objects.order_by("sequence").values_list("action", flat=True))


def test_a_password_alone_shows_no_page_to_a_role_that_needs_a_second_factor(ana: User) -> None:
    client = Client()

    people.password(client)

    for page in (HOME, PAGE, reverse("admin:password_change"), reverse("admin:sign_in"), CODE):
        assert leads_to(client.get(page), SET_UP), page
    assert leads_to(client.post(reverse("admin:providers_business_add"), {"name": "Beta"}), SET_UP)
    assert actions() == []


def test_a_role_that_is_not_named_needs_none(required: None) -> None:
    client = people.signed_in(people.person("sam", SUPPORT))

    assert client.get(HOME).status_code == 200
    assert AuditEvent.objects.get().details == {"second_factor": "none"}


def test_superusers_need_one_where_the_setting_names_them(settings: Any) -> None:
    settings.SECOND_FACTOR_ROLES = [second_factor.SUPERUSERS]
    people.person("root", "", is_superuser=True)
    client = Client()

    people.password(client, "root")

    assert leads_to(client.get(HOME), SET_UP)


@pytest.mark.parametrize("tls", ["1", "0"])
def test_the_default_asks_every_role_and_superusers_where_there_is_tls(tls: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "SECOND_FACTOR_ROLES"}
    said = subprocess.run(
        [sys.executable, "-c", "from waadmin import settings; print('|'.join(settings.SECOND_FACTOR_ROLES))"],
        cwd=BASE_DIR,
        env=environment | {"SECURE_SSL_REDIRECT": tls},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()

    everybody = {role.name for role in roles.ROLES} | {second_factor.SUPERUSERS}
    assert set(filter(None, said.split("|"))) == (everybody if tls == "1" else set())


def test_setting_an_app_up_shows_a_picture_then_ten_recovery_codes_once(ana: User) -> None:
    client = Client()
    people.password(client)
    assert 'class="qr"' not in client.get(SET_UP).content.decode()

    assert leads_to(client.post(BEGIN), SET_UP)
    drawn = client.get(SET_UP).content.decode()
    begun = Authenticator.objects.get()
    assert '<img class="qr" src="data:image/svg+xml' in drawn
    assert second_factor.typed_secret(begun).reveal() in drawn
    shown = client.post(CONFIRM, {"code": people.code_of(begun)})

    codes = re.findall(r">([a-z2-7]{4}(?:-[a-z2-7]{4}){3})<", shown.content.decode())
    assert len(codes) == len(set(codes)) == 10
    assert "no-store" in shown["Cache-Control"]
    assert client.get(HOME).status_code == 200
    again = client.post(CONFIRM, {"code": people.code_of(begun, drift=1)})
    assert again.status_code == 400 and codes[0] not in again.content.decode()
    assert actions() == ["second_factor.set_up"]


def test_opening_the_pages_writes_nothing(ana: User) -> None:
    client = Client()
    people.password(client)

    client.get(SET_UP)

    assert not Authenticator.objects.exists()


def test_a_wrong_first_code_leaves_the_app_unconfirmed(ana: User) -> None:
    client = Client()
    people.password(client)
    client.post(BEGIN)

    answer = client.post(CONFIRM, {"code": "12345"})

    assert answer.status_code == 400 and second_factor.of(ana) is None
    assert leads_to(client.get(HOME), SET_UP)


def test_with_an_app_the_second_step_is_asked_and_leads_to_the_page_that_was_wanted(ana: User) -> None:
    people.with_app(ana)
    client = Client()
    people.password(client)

    asked = client.get(PAGE)
    assert leads_to(asked, CODE)
    assert leads_to(client.get(SET_UP), CODE), "or whoever has the password could set up an app of their own"
    assert leads_to(client.post(BEGIN), CODE)
    answer = client.post(asked["Location"], {"code": people.code_for(ana), "next": PAGE})

    assert answer["Location"] == PAGE and client.get(PAGE).status_code == 200
    assert AuditEvent.objects.first().details == {"second_factor": "app"}  # type: ignore[union-attr]


def test_somebody_who_set_one_up_of_their_own_accord_is_asked_too(settings: Any) -> None:
    settings.SECOND_FACTOR_ROLES = []
    user = people.person()
    people.with_app(user)
    client = Client()
    people.password(client)

    assert leads_to(client.get(HOME), CODE)


@pytest.mark.parametrize("typed", ["{0}", " {0} ", "{0:.3}-{0:.3}"])
def test_a_code_may_be_pasted_and_nothing_else_is_taken(ana: User, typed: str) -> None:
    people.with_app(ana)
    client = Client()
    people.password(client)
    right = people.code_for(ana)
    given = f"{right[:3]}-{right[3:]}" if "-" in typed else typed.format(right)

    assert client.post(CODE, {"code": given}).status_code == 302


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "٤٢٣٤٥٦", "abcdef", "-12345", "1e5", "\x00"])
def test_what_is_no_code_is_refused_and_never_drawn_again(ana: User, typed: str) -> None:
    people.with_app(ana)
    client = Client()
    people.password(client)

    answer = client.post(CODE, {"code": typed})

    assert answer.status_code == 400
    assert not typed.strip("\x00") or f'value="{typed}"' not in answer.content.decode()
    assert leads_to(client.get(HOME), CODE)


def test_a_code_is_good_once(ana: User) -> None:
    people.with_app(ana)
    code = people.code_for(ana)
    first, second = Client(), Client()
    for client in (first, second):
        people.password(client)

    assert first.post(CODE, {"code": code}).status_code == 302
    assert second.post(CODE, {"code": code}).status_code == 400


def test_wrong_codes_make_the_next_try_wait_and_the_page_says_until_when(ana: User) -> None:
    people.with_app(ana)
    client = Client()
    wrong = people.wrong_code_for(ana)
    with time_machine.travel(datetime(2026, 5, 3, 10, 0, tzinfo=UTC), tick=False) as clock:
        people.password(client)
        client.post(CODE, {"code": wrong})
        right = people.code_for(ana)

        answer = client.post(CODE, {"code": right})
        assert answer.status_code == 400 and "10:00:01" in answer.content.decode()
        clock.shift(timedelta(seconds=1))
        assert client.post(CODE, {"code": right}).status_code == 302


def test_the_wait_grows_to_eight_and_a_half_minutes_and_no_further(ana: User) -> None:
    people.with_app(ana)
    wrong = people.wrong_code_for(ana)
    with time_machine.travel(datetime(2026, 5, 3, 10, 0, tzinfo=UTC), tick=False) as clock:
        for _try in range(30):
            with pytest.raises(second_factor.CodeRefused):
                second_factor.verify(user=ana, code=second_factor.Secret(wrong))
            clock.shift(timedelta(minutes=9))

        assert second_factor.verify(user=ana, code=second_factor.Secret(people.code_for(ana)))


def test_a_recovery_code_lets_in_once_and_is_counted(ana: User) -> None:
    codes = people.with_app(ana)
    client = Client()
    people.password(client)

    assert client.get(f"{CODE}?recovery=1").status_code == 200
    assert client.post(f"{CODE}?recovery=1", {"code": codes[0].upper().replace("-", " ")}).status_code == 302
    assert b"9 are left" in client.get(HOME).content
    other = Client()
    people.password(other)
    assert other.post(f"{CODE}?recovery=1", {"code": codes[0]}).status_code == 400
    assert second_factor.recovery_codes_left(ana) == 9
    assert actions() == ["second_factor.set_up", "recovery_code.used", "sign_in.succeeded"]


def test_a_recovery_code_of_somebody_else_is_refused(ana: User) -> None:
    people.with_app(ana)
    theirs = people.with_app(people.person("bob"))
    client = Client()
    people.password(client)

    assert client.post(f"{CODE}?recovery=1", {"code": theirs[0]}).status_code == 400


def test_wrong_recovery_codes_wait_with_wrong_codes(ana: User) -> None:
    codes = people.with_app(ana)
    client = Client()
    with time_machine.travel(datetime(2026, 5, 3, 10, 0, tzinfo=UTC), tick=False):
        people.password(client)
        client.post(f"{CODE}?recovery=1", {"code": "aaaa-aaaa-aaaa-aaaa"})

        assert client.post(f"{CODE}?recovery=1", {"code": codes[0]}).status_code == 400
        assert client.post(CODE, {"code": people.code_for(ana)}).status_code == 400


def test_new_recovery_codes_take_the_place_of_the_old_ones(ana: User) -> None:
    old = people.with_app(ana)
    client = people.signed_in(ana)

    shown = client.post(CODES).content.decode()

    assert old[0] not in shown and second_factor.recovery_codes_left(ana) == 10
    assert client.get(CODES).status_code == 405
    other = Client()
    people.password(other)
    assert other.post(f"{CODE}?recovery=1", {"code": old[0]}).status_code == 400


def test_the_old_app_stays_until_the_new_one_is_confirmed(ana: User) -> None:
    people.with_app(ana)
    old = Authenticator.objects.get(user=ana)
    client = people.signed_in(ana)

    client.post(BEGIN)
    assert second_factor.of(ana) == old
    new = Authenticator.objects.get(user=ana, confirmed=False)
    client.post(CONFIRM, {"code": people.code_of(new)})

    assert second_factor.of(ana) == new and not Authenticator.objects.filter(pk=old.pk).exists()
    assert client.get(HOME).status_code == 200


def test_a_reset_takes_the_device_away_and_ends_every_session(ana: User) -> None:
    people.with_app(ana)
    client = people.signed_in(ana)

    call_command("reset_second_factor", "ana")

    assert leads_to(client.get(HOME), LOGIN)
    assert not Authenticator.objects.exists() and not RecoveryCode.objects.exists()
    event = AuditEvent.objects.first()
    assert event is not None and (event.action, event.subject) == ("second_factor.reset", f"User:{ana.pk}")
    assert event.actor.startswith("command:")
    people.password(client)
    assert leads_to(client.get(HOME), SET_UP)


def test_a_reset_of_nobody_is_refused() -> None:
    with pytest.raises(CommandError) as refused:
        call_command("reset_second_factor", "nobody")
    assert refused.value.returncode == 2


def test_secrets_are_encrypted_and_recovery_codes_are_digests(ana: User) -> None:
    codes = people.with_app(ana)
    secret = bytes(Authenticator.objects.get().secret)
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret FROM waadmin_authenticator")
        stored = bytes(cursor.fetchone()[0])
        cursor.execute("SELECT digest, salt FROM waadmin_recoverycode")
        kept = "".join("".join(row) for row in cursor.fetchall())

    assert len(secret) == 20 and secret not in stored and secret.hex().encode() not in stored
    assert not any(code in kept or code.replace("-", "") in kept for code in codes)


def test_the_devices_have_no_admin_pages() -> None:
    registered = {model._meta.label for model in admin.site._registry}
    assert not {label for label in registered if label.split(".")[0] in ("otp_totp", "otp_static", "axes", "waadmin")}


@pytest.mark.parametrize("page", [CODE, SET_UP, reverse("admin:sign_in"), people.AGAIN])
def test_somebody_who_is_not_signed_in_is_asked_to(page: str) -> None:
    assert leads_to(Client().get(page), LOGIN)


@pytest.mark.parametrize("page", [BEGIN, CONFIRM, CODES])
def test_what_changes_something_takes_no_get(ana: User, page: str) -> None:
    people.with_app(ana)

    assert people.signed_in(ana).get(page).status_code == 405


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_the_way_back_never_leaves_the_console(ana: User, elsewhere: str) -> None:
    people.with_app(ana)
    client = Client()
    people.password(client)

    assert client.post(CODE, {"code": people.code_for(ana), "next": elsewhere})["Location"] == HOME
