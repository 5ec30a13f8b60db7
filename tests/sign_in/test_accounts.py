"""Accounts that end on a date, and what a superuser does for somebody who lost the device."""

from datetime import UTC, date, datetime, timedelta
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.apps import apps
from django.contrib.auth.models import Group, User
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.urls import reverse

from audit.models import AuditEvent
from tests import clients
from tests.sign_in import people
from waadmin import accounts, tasks
from waadmin.checks import check_second_factor_roles
from waadmin.models import Authenticator, StaffAccess

pytestmark = pytest.mark.django_db
TODAY = datetime.now(UTC).date()


@pytest.fixture
def root() -> Client:
    """A superuser's browser."""
    return people.signed_in(people.person("root", "", is_superuser=True))


@pytest.fixture
def ana() -> User:
    return people.person("ana", "Support staff")


def page(user: User, name: str = "change") -> str:
    return reverse(f"admin:auth_user_{name}", args=[user.pk])


def saved(root: Client, user: User, *groups: str, **fields: Any) -> Any:
    chosen = [group.pk for group in Group.objects.filter(name__in=groups)]
    form = {
        "username": user.username,
        "is_active": "on",
        "is_staff": "on",
        "date_joined_0": "2026-01-01",
        "date_joined_1": "00:00:00",
        "groups": chosen,
        **fields,
    }
    return root.post(page(user), form)


def test_an_auditor_has_a_last_day_however_they_became_one(ana: User) -> None:
    ana.groups.add(Group.objects.get(name="Auditors"))
    bob = User.objects.create(username="bob")
    Group.objects.get(name="Auditors").user_set.add(bob)

    assert accounts.ends_on(ana) == accounts.ends_on(bob) == TODAY + timedelta(days=90)
    assert accounts.ends_on(people.person("cat", "Support staff")) is None


def test_a_last_day_that_was_set_before_stays(ana: User) -> None:
    StaffAccess.objects.create(user=ana, ends_on=date(2030, 1, 1))

    ana.groups.add(Group.objects.get(name="Auditors"))

    assert accounts.ends_on(ana) == date(2030, 1, 1)


def test_the_form_asks_an_auditor_for_a_last_day(root: Client, ana: User) -> None:
    refused = saved(root, ana, "Auditors")

    assert refused.status_code == 200 and b"enter one" in refused.content
    assert not ana.groups.filter(name="Auditors").exists()
    assert saved(root, ana, "Auditors", ends_on="2030-06-30").status_code == 302
    assert accounts.ends_on(ana) == date(2030, 6, 30)
    event = AuditEvent.objects.get(action="account.end_set")
    assert event.details == {"ends_on": "2030-06-30"} and (event.actor, event.subject) == ("root", f"User:{ana.pk}")


def test_anybody_may_have_one_and_lose_it_and_the_list_shows_it(root: Client, ana: User) -> None:
    saved(root, ana, "Support staff", ends_on="2020-01-31")
    assert b"2020-01-31" in (listed := root.get(reverse("admin:auth_user_changelist"))).content
    assert b"Ended" in listed.content

    saved(root, ana, "Support staff", ends_on="")
    assert accounts.ends_on(ana) is None


def test_the_person_sees_the_last_day(ana: User) -> None:
    accounts.set_end(user=ana, last_day=TODAY, actor="root", now=datetime.now(UTC))

    assert b"works until the end of" in people.signed_in(ana).get(reverse("admin:sign_in")).content


def test_a_superuser_resets_a_lost_second_factor(root: Client, ana: User) -> None:
    people.with_app(ana)
    theirs = people.signed_in(ana)
    assert page(ana, "reset_second_factor") in root.get(page(ana)).content.decode()

    assert root.get(page(ana, "reset_second_factor")).status_code == 200
    assert root.post(page(ana, "reset_second_factor"), {}).status_code == 302

    assert not Authenticator.objects.exists()
    assert theirs.get(people.HOME).status_code == 302
    assert AuditEvent.objects.filter(action="second_factor.reset", actor="root").count() == 1


@pytest.mark.parametrize("role", [clients.ADMIN, clients.SUPPORT, clients.AUDITOR, clients.VIEWER, clients.NOBODY])
def test_nobody_else_resets_one(ana: User, role: str) -> None:
    people.with_app(ana)

    assert clients.browser(role).post(page(ana, "reset_second_factor"), {}).status_code == 403
    assert Authenticator.objects.exists()


def test_a_user_is_changed_only_after_a_fresh_proof(root: Client, ana: User) -> None:
    session = root.session
    session["proved_at"] = session["proved_at"] - 601
    session.save()

    for answer in (
        saved(root, ana, "Business admins"),
        root.get(reverse("admin:auth_user_password_change", args=[ana.pk])),
        root.post(reverse("admin:auth_user_add"), {"username": "eve", "usable_password": "false"}),
        root.post(page(ana, "reset_second_factor"), {}),
    ):
        assert answer.status_code == 302 and answer["Location"].startswith(people.AGAIN)
    assert not ana.groups.filter(name="Business admins").exists() and not User.objects.filter(username="eve").exists()
    assert root.get(page(ana)).status_code == 200


def test_a_role_that_does_not_exist_is_named_by_a_check(settings: Any) -> None:
    Group.objects.create(name="Night shift")
    settings.SECOND_FACTOR_ROLES = ["Auditors", "Night shift", "Superusers", "auditors"]

    assert [found.id for found in check_second_factor_roles()] == ["waadmin.W004"]


def test_the_purge_removes_what_is_over_and_nothing_else(ana: User) -> None:
    browser = people.signed_in(ana)
    people.password(Client(), "ana", "wrong")
    Session.objects.create(session_key="old", session_data="", expire_date=datetime.now(UTC) - timedelta(seconds=1))

    tasks.purge()
    assert AccessAttempt.objects.count() == 1 and browser.get(people.HOME).status_code == 200
    assert not Session.objects.filter(session_key="old").exists()
    AccessAttempt.objects.update(attempt_time=datetime.now(UTC) - timedelta(minutes=16))
    tasks.purge()

    assert not AccessAttempt.objects.exists()


def test_auditors_of_before_get_a_last_day_at_the_update(ana: User) -> None:
    ana.groups.add(Group.objects.get(name="Auditors"))
    StaffAccess.objects.all().delete()

    import_module("waadmin.migrations.0002_sign_in").end_present_auditors(apps, SimpleNamespace(connection=connection))

    assert StaffAccess.objects.get().user == ana and accounts.ends_on(ana) == TODAY + timedelta(days=90)
