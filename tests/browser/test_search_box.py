"""The key / leads to the search box, and only where nobody types; it can be switched off."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import expect

from tests import factories
from tests.browser.conftest import Watched
from waadmin.models import StaffPreferences


@pytest.fixture
def chief(transactional_db: None) -> User:
    return User.objects.create_superuser("chief")


def test_the_key_leads_to_the_box_and_the_box_to_the_person(window: Callable[..., Watched], chief: User) -> None:
    factories.opted_in("+51987654321", factories.business())
    watched = window()
    watched.sign_in_as(chief)
    page = watched.go("/")
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox", name="Number, or an id")).to_be_focused()
    page.keyboard.type("0987-654/321")
    expect(page.get_by_role("searchbox", name="Number, or an id")).to_have_value("0987-654/321")
    page.get_by_role("searchbox", name="Number, or an id").fill("987 654 321")
    page.keyboard.press("Enter")
    page.wait_for_url("**/contacts/contact/*/change/")
    assert "987" not in page.url


def test_the_key_is_a_letter_where_somebody_types_and_nothing_where_it_was_switched_off(
    window: Callable[..., Watched], chief: User
) -> None:
    watched = window()
    watched.sign_in_as(chief)
    page = watched.go("/contacts/optin/add/")
    page.get_by_label("Where the person agreed").focus()
    page.keyboard.type("a/b")
    expect(page.get_by_label("Where the person agreed")).to_have_value("a/b")

    StaffPreferences.objects.create(user=chief, has_shortcut=False)
    page = watched.go("/")
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox", name="Number, or an id")).not_to_be_focused()


def test_times_and_forms_follow_the_chosen_zone_and_not_the_browsers(
    window: Callable[..., Watched], chief: User
) -> None:
    factories.opted_in("+51987654321", factories.business())
    StaffPreferences.objects.create(user=chief, time_zone="Asia/Kolkata")
    watched = window(timezone_id="America/New_York", locale="en-GB")
    watched.sign_in_as(chief)

    page = watched.go("/contacts/optin/add/")
    expect(page.get_by_label("Time zone of the times on this page")).to_have_value("Asia/Kolkata")
    page = watched.go("/contacts/optin/")
    shown = page.locator("time[data-local]").first
    at = page.evaluate(
        """element => new Intl.DateTimeFormat(document.documentElement.lang, {dateStyle: "medium", timeStyle: "short",
        timeZone: "Asia/Kolkata"}).format(new Date(element.dateTime))""",
        shown.element_handle(),
    )
    expect(shown).to_have_text(at)
