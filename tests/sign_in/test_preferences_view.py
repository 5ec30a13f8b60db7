"""Each person chooses language, time zone and shortcut; what they have not chosen is as the browser says."""

from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audit.models import AuditEvent
from contacts.models import OptIn
from providers.models import Business
from tests import clients, factories
from tests.clients import ADMIN, ANONYMOUS, EVERYBODY, NOBODY, SUPPORT
from waadmin.models import StaffPreferences

pytestmark = pytest.mark.django_db
PAGE = reverse("admin:sign_in")
CHOOSE = reverse("admin:preferences")
CHOICE = {"language": "", "time_zone": "", "has_shortcut": "on"}


def choose(client: Client, **choice: str) -> str:
    return client.post(CHOOSE, {**CHOICE, **choice}, follow=True).content.decode()


@pytest.mark.parametrize("role", [role for role in EVERYBODY if role != ANONYMOUS])
def test_everybody_on_the_staff_chooses_for_themselves(role: str) -> None:
    client = clients.browser(role)
    choose(client, time_zone="Asia/Kolkata")

    kept = StaffPreferences.objects.get()
    assert (kept.user.username, kept.time_zone, kept.language) == (role.split()[0].lower(), "Asia/Kolkata", "")
    assert 'value="Asia/Kolkata"' in client.get(PAGE).content.decode()


def test_somebody_who_is_not_signed_in_chooses_nothing_and_a_get_neither() -> None:
    assert Client().post(CHOOSE, CHOICE)["Location"].startswith("/login/")
    assert clients.browser(SUPPORT).get(CHOOSE).status_code == 405
    assert not StaffPreferences.objects.exists()


@pytest.mark.parametrize(
    "choice", [{"time_zone": "Mars/Olympus"}, {"time_zone": "<script>alert(1)</script>"}, {"language": "tlh"}]
)
def test_what_is_no_zone_and_no_language_is_refused_in_words(choice: dict[str, str]) -> None:
    answer = clients.browser(SUPPORT).post(CHOOSE, {**CHOICE, **choice})

    assert b"Nothing was saved" in answer.content and b"<script>alert" not in answer.content
    assert not StaffPreferences.objects.exists()


def test_a_choice_is_in_the_ledger_once_and_without_what_was_chosen() -> None:
    client = clients.browser(SUPPORT)
    choose(client, time_zone="Asia/Kolkata")
    choose(client, time_zone="Asia/Kolkata")

    event = AuditEvent.objects.get(action="preferences.changed")
    assert (event.actor, event.details) == ("support", {"fields": ["time_zone"]})


def test_pages_come_in_the_chosen_language_whatever_the_browser_says() -> None:
    client = clients.browser(SUPPORT)
    choose(client, language="es")
    answer = client.get(PAGE, headers={"Accept-Language": "en"})

    assert '<html lang="es"' in answer.content.decode()
    assert answer["Content-Language"] == "es"
    assert '<html lang="en"' in clients.browser(ADMIN).get(PAGE).content.decode()


def test_without_a_choice_the_language_is_that_of_the_browser() -> None:
    answer = clients.browser(SUPPORT).get(PAGE, headers={"Accept-Language": "es-PE,es;q=0.9"})

    assert '<html lang="es"' in answer.content.decode()


def test_times_come_in_the_chosen_zone_with_utc_on_hover_and_only_for_who_chose_it(acme: Business) -> None:
    factories.opted_in("+51987654321", acme, given_at=datetime(2026, 1, 15, 20, 0, tzinfo=UTC))
    page = reverse("admin:contacts_optin_change", args=[OptIn.objects.get().pk])
    client = clients.browser(ADMIN)
    choose(client, time_zone="Asia/Kolkata")
    text = client.get(page).content.decode()

    assert timezone.get_current_timezone_name() == "UTC", "one request says nothing of the next one"
    assert 'title="2026-01-15 20:00:00 UTC" data-local>2026-01-16 01:30 IST<' in text
    assert '<meta name="time-zone" content="Asia/Kolkata">' in text
    other = clients.browser(SUPPORT).get(page).content.decode()
    assert "2026-01-15 20:00 UTC<" in other and 'name="time-zone"' not in other


def test_a_zone_that_this_host_does_not_know_any_more_leaves_utc(acme: Business) -> None:
    client = clients.browser(ADMIN)
    StaffPreferences.objects.create(user=User.objects.get(username="business"), time_zone="Nowhere/Gone", language="xx")

    assert client.get(PAGE).status_code == 200


def test_the_form_of_an_opt_in_proposes_the_zone_and_reads_its_times_in_the_one_that_was_named(acme: Business) -> None:
    client = clients.browser(ADMIN)
    choose(client, time_zone="America/New_York")
    page = reverse("admin:contacts_optin_add")
    assert 'name="time_zone" value="America/New_York"' in client.get(page).content.decode()
    form = {
        "number": "+51 987 654 321",
        "business": acme.pk,
        "business_name_shown": "Acme",
        "source": "web form",
        "evidence": "order 10401",
    }

    skipped = client.post(page, {**form, "given_at": "2026-03-08T02:30", "time_zone": "America/New_York"})
    assert "never was in America/New_York" in skipped.content.decode()
    twice = client.post(page, {**form, "given_at": "2025-11-02T01:30", "time_zone": "America/New_York"})
    assert "was twice in America/New_York" in twice.content.decode()
    assert not OptIn.objects.exists()
    client.post(page, {**form, "given_at": "2026-03-08T02:30", "time_zone": "Asia/Kolkata"})
    assert OptIn.objects.get().given_at == datetime(2026, 3, 7, 21, 0, tzinfo=UTC)


def test_the_key_leads_to_the_search_box_unless_it_was_switched_off() -> None:
    client = clients.browser(SUPPORT)
    assert 'aria-keyshortcuts="/"' in client.get(PAGE).content.decode()
    client.post(CHOOSE, {"language": "", "time_zone": ""})

    text = client.get(PAGE).content.decode()
    assert 'id="find-text"' in text and "data-shortcut" not in text and "aria-keyshortcuts" not in text


def test_a_webhook_costs_no_question_about_anybody() -> None:
    client = clients.browser(NOBODY)
    client.cookies.clear()

    assert client.get("/webhooks/meta/").status_code in (400, 403)
