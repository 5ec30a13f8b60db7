"""Saying on a user's page which businesses they reach: by role, only some, or all; and support staff of before."""

from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.urls import reverse

from audit.models import AuditEvent
from providers.models import Business
from tests import factories
from tests.sign_in import people
from waadmin import accounts
from waadmin.models import StaffAccess

pytestmark = pytest.mark.django_db
SUPPORT, VIEWERS = "Support staff", "Viewers"


@pytest.fixture
def root() -> Client:
    """A superuser's browser."""
    return people.signed_in(people.person("root", "", is_superuser=True))


def page(user: User) -> str:
    return reverse("admin:auth_user_change", args=[user.pk])


def saved(root: Client, user: User, group: str, **fields: Any) -> None:
    form = {
        "username": user.username,
        "is_active": "on",
        "is_staff": "on",
        "date_joined_0": "2026-01-01",
        "date_joined_1": "00:00:00",
        "groups": [Group.objects.get(name=group).pk],
        **fields,
    }
    assert root.post(page(user), form).status_code == 302


def test_support_staff_reach_what_is_ticked_and_the_ledger_says_who_said_so(root: Client, acme: Business) -> None:
    bolt, sam = factories.business("Bolt"), people.person("sam", SUPPORT)
    assert accounts.businesses_reached(sam) == frozenset()

    saved(root, sam, SUPPORT, reach="role", businesses=[bolt.pk])

    assert accounts.businesses_reached(sam) == {bolt.pk} and acme.pk != bolt.pk
    event = AuditEvent.objects.get(action="account.assigned")
    assert (event.actor, event.subject) == ("root", f"User:{sam.pk}")
    assert event.details == {"every_business": False, "businesses": [bolt.pk]}
    assert "Bolt" in root.get(reverse("admin:auth_user_changelist")).content.decode()


def test_saying_the_same_again_is_no_event(root: Client, acme: Business) -> None:
    sam = people.person("sam", SUPPORT)
    for _time in range(2):
        saved(root, sam, SUPPORT, reach="some", businesses=[acme.pk])

    assert AuditEvent.objects.filter(action="account.assigned").count() == 1


@pytest.mark.parametrize(("reach", "ticked", "reached"), [("every", True, None), ("some", False, frozenset())])
def test_it_can_be_said_against_the_role(
    reach: str, ticked: bool, reached: frozenset[int] | None, root: Client, acme: Business
) -> None:
    sam = people.person("sam", SUPPORT if reached is None else VIEWERS)

    saved(root, sam, SUPPORT if reached is None else VIEWERS, reach=reach, businesses=[acme.pk] if ticked else [])

    assert accounts.businesses_reached(sam) == reached


def test_ticking_restricts_other_roles_too(root: Client, acme: Business) -> None:
    factories.business("Bolt")
    vic = people.person("vic", VIEWERS)
    assert accounts.businesses_reached(vic) is None

    saved(root, vic, VIEWERS, reach="role", businesses=[acme.pk])

    assert accounts.businesses_reached(vic) == {acme.pk}


def test_the_only_business_is_ticked_beforehand_and_meant_for_support_staff_only(root: Client, acme: Business) -> None:
    sam, vic = people.person("sam", SUPPORT), people.person("vic", VIEWERS)
    for user, role, reached in ((sam, SUPPORT, {acme.pk}), (vic, VIEWERS, None)):
        form = root.get(page(user)).context["adminform"].form
        assert form["businesses"].initial == [acme.pk]
        saved(root, user, role, reach="role", businesses=form["businesses"].initial)
        assert accounts.businesses_reached(user) == reached


def test_of_two_businesses_none_is_ticked_beforehand(root: Client, acme: Business) -> None:
    factories.business("Bolt")

    assert root.get(page(people.person("sam", SUPPORT))).context["adminform"].form["businesses"].initial == []


def test_an_update_assigns_support_staff_to_every_present_business_and_nobody_else(acme: Business) -> None:
    bolt = factories.business("Bolt")
    sam, vic = people.person("sam", SUPPORT), people.person("vic", VIEWERS)
    migration = import_module("waadmin.migrations.0004_assign_present_support_staff")

    migration.assign_present_support_staff(apps, SimpleNamespace(connection=connection))

    assert accounts.businesses_reached(sam) == {acme.pk, bolt.pk}
    assert accounts.businesses_reached(vic) is None and not StaffAccess.objects.filter(user=vic).exists()
