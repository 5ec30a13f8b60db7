"""Fields that a form does not have are ignored, whatever they are called; ids of others lead nowhere."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.apps import apps
from django.contrib.auth.models import User
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from audit.models import AuditEvent, Export
from contacts.models import ConsentText, OptIn
from providers.models import Business, ProviderAccount
from tests import clients, factories
from tests.clients import ADMIN
from tests.permissions import world
from tests.sign_in import people
from waadmin import roles
from waadmin.models import Authenticator, StaffAccess
from waadmin.sign_in import second_factor

pytestmark = pytest.mark.django_db
NUMBER = factories.number(100)
#: Made anew each time, so that two runs differ in them.
_RANDOM = {"id", "pk", "evidence_digest", "hash", "previous_hash", "salt", "fingerprint", "pseudonym"}


def every_field_that_is_not_on(page: Any) -> dict[str, Any]:
    """Give each field of each of our models that the form of the page does not have."""
    form = page.context["adminform"].form if "adminform" in page.context else page.context["form"]
    names = {
        name
        for model in apps.get_models()
        if model._meta.app_label in (*roles.OUR_APPS, "auth")
        for field in model._meta.concrete_fields
        for name in (field.name, field.attname)
    }
    return {name: "1" for name in names if name not in form.fields}


def rows(model: type[Model]) -> list[dict[str, Any]]:
    shown = model._default_manager.order_by("pk").values()  # type: ignore[attr-defined]
    return [{name: str(value) for name, value in row.items() if name not in _RANDOM} for row in shown]


def opt_in(acme: Business) -> dict[str, Any]:
    return {"number": NUMBER, "business": acme.pk, "business_name_shown": "Acme", "source": "web form",
            "given_at": "2026-05-03T08:00", "time_zone": "UTC", "evidence": "order 10401"}  # fmt: skip


def opt_out(acme: Business) -> dict[str, Any]:
    return {"number": NUMBER, "business": acme.pk, "source": "phone call", "reason": "asked us to stop"}


def wording(acme: Business) -> dict[str, Any]:
    return {"business": acme.pk, "name": "Checkout", "version": "1", "language": "en", "text": "Yes, write to me.",
            "business_name_shown": "Acme", "purposes": ["service"]}  # fmt: skip


def account(acme: Business) -> dict[str, Any]:
    return {"name": "another-name", "base_url": "http://127.0.0.1:9", "recipient_legal_name": "Example Hosting Ltd",
            "recipient_country": "DE", "recipient_agreement": "DPA", "rate_limit": "5"}  # fmt: skip


FORMS: dict[str, tuple[type[Model], Callable[[Business], dict[str, Any]], Callable[[ProviderAccount], str]]] = {
    "an opt-in": (OptIn, opt_in, lambda node: reverse("admin:contacts_optin_add")),
    "an opt-out": (OptIn, opt_out, lambda node: reverse("admin:contacts_optin_withdraw")),
    "a wording": (ConsentText, wording, lambda node: reverse("admin:contacts_consenttext_add")),
    "an account": (
        ProviderAccount, account, lambda node: reverse("admin:providers_provideraccount_change", args=[node.pk])
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
def test_a_field_that_the_form_does_not_have_changes_nothing(name: str, acme: Business) -> None:
    model, fields, page = FORMS[name]
    node = factories.account(acme, "onprem", base_url="http://127.0.0.1:9")
    factories.opted_in(factories.number(101), acme)
    client = clients.browser(ADMIN)
    before = rows(model)
    form = fields(acme)

    def saved(extra: dict[str, Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        with world.taken_back():
            answer = client.post(page(node), {**form, **extra})
            assert answer.status_code == 302, re.findall(r"errorlist.*", answer.content.decode())
            events = [{**row, "details": "", "subject": ""} for row in rows(AuditEvent)]
            return rows(model), events

    with time_machine.travel(datetime.now(UTC), tick=False):
        plain, plain_events = saved({})
        extra, extra_events = saved(every_field_that_is_not_on(client.get(page(node))))

    assert plain != before
    assert extra == plain
    assert [event["action"] for event in extra_events] == [event["action"] for event in plain_events]


def test_the_second_step_is_for_who_gave_the_password_and_nobody_else(db: None) -> None:
    people.with_app(people.person("ana"))
    bob = people.person("bob")
    people.with_app(bob)
    client = Client()
    people.password(client, "ana")

    answer = client.post(people.CODE, {"code": people.code_for(bob), "user": bob.pk, "username": "bob"})

    assert answer.status_code == 400 and client.get(people.HOME).status_code == 302


def test_setting_an_app_up_is_for_oneself_whatever_the_form_says(db: None) -> None:
    bob = people.person("bob")
    client = people.signed_in(people.person("ana"))

    client.post(people.BEGIN, {"user": bob.pk, "user_id": bob.pk, "confirmed": "1", "secret": "00"})

    begun = Authenticator.objects.get()
    assert begun.user.username == "ana" and not begun.confirmed and second_factor.of(bob) is None


def test_nobody_makes_themselves_a_superuser_or_lasts_longer(db: None) -> None:
    client = clients.browser(ADMIN)
    me = User.objects.get(username="business")
    StaffAccess.objects.filter(user=me).update(ends_on=datetime.now(UTC).date())

    for page in (reverse("admin:auth_user_change", args=[me.pk]), reverse("admin:password_change"), people.BEGIN):
        client.post(page, {"is_superuser": "on", "ends_on": "2099-01-01", "groups": ["1", "2", "3", "4"]})

    me.refresh_from_db()
    assert not me.is_superuser and StaffAccess.objects.get().ends_on == datetime.now(UTC).date()
    assert [group.name for group in me.groups.all()] == [ADMIN]


@pytest.mark.parametrize("page", ["change", "live", "download", "history"])
def test_an_export_of_somebody_else_is_no_page_and_neither_is_a_guessed_one(page: str, db: None) -> None:
    now = datetime.now(UTC)
    theirs = Export.objects.create(user_id=people.person("bob").pk, requested_by="bob", requested_at=now, until=now,
                                   format="csv", state="READY", kept_until=now + timedelta(days=1))  # fmt: skip
    client = clients.browser(ADMIN)

    for pk in (theirs.pk, uuid4()):
        answer = client.get(reverse(f"admin:audit_export_{page}", args=[pk]))
        # Django's own pages lead home with a message where there is no such row.
        assert answer.status_code == 404 or (answer.status_code, answer["Location"]) == (302, people.HOME), page
