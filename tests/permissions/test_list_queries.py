"""Every list of the console asks the database as often for fifty rows as for five."""

import copy
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import uuid4

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from audit import triggers
from audit.models import Export
from contacts.models import Contact
from waadmin.models import StaffAccess

pytestmark = pytest.mark.django_db
_numbers = count(1)
#: Lists that show by themselves only what waits.
_ALL = {"trustcase": "?state=all", "suggestion": "?state=all"}


def multiply(model: type[Model], want: int, user: User, people: list[int]) -> None:
    """Copy a row of the model until a list has as many as wanted; what must be unique is made so."""
    rows: Any = model._base_manager.all()
    if model is Export:
        rows.update(user_id=user.pk)  # each person's own
    originals = list(rows)
    for place in range(want - len(originals)):
        made = copy.copy(originals[place % len(originals)])
        made._state = copy.copy(made._state)
        made._state.adding = True
        number = next(_numbers)
        made.pk = uuid4() if made._meta.pk.get_internal_type() == "UUIDField" else None
        unique = {name for constraint in model._meta.constraints for name in getattr(constraint, "fields", ())}
        for field in model._meta.concrete_fields:
            if not field.primary_key and (field.unique or field.name in unique):
                setattr(made, field.attname, another(field, getattr(made, field.attname), number, people))
        if hasattr(made, "closed_at"):
            made.closed_at, made.outcome, made.closed_by = made.opened_at + timedelta(days=1), "NOT_REACHED", "tests"
        made.save(force_insert=True)


def another(field: Any, value: Any, number: int, people: list[int]) -> Any:
    """Give a value that no row has, as far as the field can have one."""
    match field.get_internal_type():
        case "OneToOneField":
            return None
        case "ForeignKey":
            return people.pop() if field.related_model is Contact else value
        case "UUIDField":
            return uuid4()
        case "CharField" | "TextField":
            return f"+4474009{number:05d}" if str(value).startswith("+") else f"{number:06d}{value}"[: field.max_length]
        case _ if isinstance(value, int):
            return value + 1_000_000 * number
    return value


@pytest.fixture
def browser(furnished: None) -> Client:
    """The browser of somebody who may see everything."""
    client = Client()
    client.force_login(User.objects.create_superuser("everything"))
    return client


def asked(browser: Client, address: str) -> tuple[int, list[str]]:
    with CaptureQueriesContext(connection) as queries:
        answer = browser.get(address)
    assert answer.status_code == 200, address
    return len(answer.context["cl"].result_list), [query["sql"][:300] for query in queries.captured_queries]


def test_every_list_asks_as_often_for_fifty_rows_as_for_five(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    # Asked anew every few seconds, for whatever page comes next.
    monkeypatch.setattr("waadmin.site.speaks_to_a_sandbox", lambda: True)
    user = User.objects.get(username="everything")
    triggers.lift()
    multiply(Contact, 120, user, [])
    # Of the new people nothing is on record yet.
    people = list(Contact.objects.order_by("pk").values_list("pk", flat=True))[-60:]
    differing = {}
    for model, pages in admin.site._registry.items():
        multiply(model, 55, user, people[:])
        if model is User:
            # Or the businesses of an account are asked for only where a page shows an account that has some.
            theirs = [StaffAccess(user=one) for one in User.objects.all()]
            StaffAccess.objects.bulk_create(theirs, ignore_conflicts=True)
        name = model._meta.model_name or ""
        address = reverse(f"admin:{model._meta.app_label}_{name}_changelist") + _ALL.get(name, "")
        few, many = [], []
        for size, found in ((5, few), (50, many)):
            monkeypatch.setattr(type(pages), "list_per_page", size)
            shown, queries = asked(browser, address)
            assert shown == size, f"{name}: {shown} rows"
            found.extend(queries)
        if len(few) != len(many):
            differing[name] = (len(few), len(many), many[-3:])
    assert differing == {}
