"""The history of every row: what the ledger says of it, newest first, for whoever may see the row."""

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from audit import event_words, history, ledger
from audit.models import AuditEvent
from contacts.models import Contact, OptIn
from providers.models import Business, ProviderAccount
from tests import clients, factories
from tests.clients import ADMIN, ANONYMOUS, AUDITOR, NOBODY, SUPPORT, VIEWER

pytestmark = pytest.mark.django_db


def page_of(row: Any) -> str:
    meta = row._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_history", args=[row.pk])


def read(role: str, row: Any, **query: object) -> str:
    answer = clients.browser(role).get(page_of(row), query)
    assert answer.status_code == 200
    return answer.content.decode()


def happened(action: str, subject: str, **fields: Any) -> AuditEvent:
    with transaction.atomic():
        return ledger.record(action=action, actor="ana", now=factories.GIVEN_AT, subject=subject, **fields)


def test_what_happened_stands_there_in_words_newest_first(acme: Business, onprem_account: ProviderAccount) -> None:
    run = factories.check_run(onprem_account, factories.number(100))
    happened("check.paused", f"CheckBatch:{run.pk}")
    happened("check.resumed", f"CheckBatch:{run.pk}")
    happened("check.cancelled", f"CheckBatch:{run.pk + 1}")
    text = read(ADMIN, run)

    assert text.index("The run was resumed.") < text.index("The run was paused.") < text.index("The run was confirmed.")
    assert "cancelled" not in text


def test_a_persons_history_has_what_happened_under_their_pseudonym(acme: Business) -> None:
    factories.opted_in("+51987654321", acme)
    factories.withdrawn("+51987654321", acme, now=factories.GIVEN_AT.replace(month=4))
    factories.opted_in("+51987654322", acme)
    person = Contact.objects.get(e164="+51987654321")
    clients.browser(SUPPORT).get(reverse("admin:contacts_contact_change", args=[person.pk]))
    text = read(VIEWER, person)

    assert text.count("An opt-in was recorded.") == 1
    assert "An opt-out was recorded." in text and "The person&#x27;s page was opened." in text
    assert text.count("data-local") == 3


def test_details_and_the_way_to_the_ledger_are_for_those_who_may_see_it(acme: Business) -> None:
    factories.opted_in("+51987654321", acme)
    event = OptIn.objects.get()

    for role in (ADMIN, AUDITOR):
        assert "evidence_digest" in read(role, event) and "/audit/auditevent/" in read(role, event)
    for role in (SUPPORT, VIEWER):
        text = read(role, event)
        assert "An opt-in was recorded." in text and "Details stand in the ledger" in text
        assert "evidence_digest" not in text and "<details" not in text
        assert "/audit/auditevent/" not in text.partition('id="content-main"')[2]


def test_who_may_not_see_the_row_may_not_see_its_history(acme: Business) -> None:
    factories.opted_in("+51987654321", acme)
    person = Contact.objects.get()

    assert clients.browser(NOBODY).get(page_of(person)).status_code == 403
    assert clients.browser(ANONYMOUS).get(page_of(person))["Location"].startswith("/login/")
    assert clients.browser(ADMIN).post(page_of(person)).status_code == 405
    Contact.objects.update(restricted_at=factories.GIVEN_AT, restricted_until=factories.GIVEN_AT)
    assert clients.browser(SUPPORT).get(page_of(person)).status_code == 404
    assert clients.browser(ADMIN).get(page_of(person)).status_code == 200


@pytest.mark.parametrize("pk", ["0", "999999", "x", "%00", "9" * 40])
def test_a_row_that_is_not_there_has_no_history(pk: str, acme: Business) -> None:
    assert clients.browser(ADMIN).get(f"/providers/business/{pk}/history/").status_code == 404


def test_it_is_paged_and_costs_no_query_a_row(acme: Business) -> None:
    client = clients.browser(ADMIN)
    page = page_of(acme)
    happened("business.changed", f"Business:{acme.pk}")
    client.get(page)
    with CaptureQueriesContext(connection) as few:
        client.get(page)
    for _ in range(history.A_PAGE + 9):
        happened("business.changed", f"Business:{acme.pk}", details={"fields": ["name"]})
    with CaptureQueriesContext(connection) as many:
        text = client.get(page).content.decode()
    assert len(many) == len(few)
    assert text.count("The business was changed.") == history.A_PAGE

    before = text.partition("?before=")[2].partition('"')[0]
    older = read(ADMIN, acme, before=before)
    assert older.count("The business was changed.") == 10
    assert "?before=" not in older and "Newest" in older
    assert "Nothing older" in read(ADMIN, acme, before="1")


@pytest.mark.parametrize("before", ["x", "-1", "1e9", "9" * 30, "²"])
def test_a_page_that_nobody_offers_is_the_first(before: str, acme: Business) -> None:
    happened("business.changed", f"Business:{acme.pk}")

    assert "The business was changed." in read(ADMIN, acme, before=before)


def test_hostile_details_are_shown_as_text(acme: Business) -> None:
    happened("no.such_action", f"Business:{acme.pk}", details={"name": "</pre><script>alert(1)</script>"})
    text = read(ADMIN, acme)

    assert "no.such_action" in text and "<script>alert" not in text


def test_users_and_roles_that_are_changed_in_the_console_have_their_history_and_no_second_log() -> None:
    chief = User.objects.create_superuser("chief", password="correct horse battery")
    client = Client()
    client.force_login(chief)
    client.post(reverse("admin:confirm_sign_in"), {"password": "correct horse battery"})
    client.post(reverse("admin:auth_group_add"), {"name": "Night shift"})
    role = Group.objects.get(name="Night shift")
    client.post(reverse("admin:auth_group_change", args=[role.pk]), {"name": "Night watch"})
    client.post(
        reverse("admin:auth_user_add"),
        {"username": "bea", "password1": "a-long-one-42", "password2": "a-long-one-42", "usable_password": "true"},
    )

    assert "The role was changed." in client.get(page_of(role)).content.decode()
    assert "The user was added." in client.get(page_of(User.objects.get(username="bea"))).content.decode()
    assert AuditEvent.objects.get(action="role.changed").details == {"fields": ["Name"]}
    assert not LogEntry.objects.exists()


def test_every_model_of_the_console_says_whose_entries_make_its_history() -> None:
    for model, pages in admin.site._registry.items():
        assert pages.history_view.__func__ is admin.site._registry[Business].history_view.__func__, model  # type: ignore[attr-defined]


@pytest.mark.parametrize("role", [ADMIN, VIEWER])
def test_the_page_of_a_row_leads_to_its_history(role: str, acme: Business, onprem_account: ProviderAccount) -> None:
    run = factories.check_run(onprem_account, "+51987654321")
    factories.opted_in("+51987654321", acme)
    person, event = Contact.objects.get(), OptIn.objects.get()
    for row in (run, person, event, acme, onprem_account):
        page = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
        assert f'href="{page_of(row)}" class="historylink"' in (
            text := clients.browser(role).get(page).content.decode()
        ) or (f'class="historylink" href="{page_of(row)}"' in text), page


def test_what_is_unknown_is_shown_by_its_own_name() -> None:
    assert event_words.said("no.such_action") == "no.such_action"


def test_entries_of_businesses_out_of_reach_are_left_out(acme: Business) -> None:
    other = factories.business("Umbrella")
    for business_id in (acme.pk, other.pk, None):
        happened("message.accepted", "Contact:1", business_id=business_id)

    def shown(businesses: frozenset[int] | None) -> int:
        return len(history.read(history.of("Contact:1"), businesses=businesses, with_details=True).lines)

    assert (shown(None), shown(frozenset({acme.pk})), shown(frozenset())) == (3, 2, 1)
