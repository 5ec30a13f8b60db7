"""Search, help, the catalogue of errors and histories, as the browser sees them."""

from collections.abc import Callable

from django.urls import reverse
from playwright.sync_api import Page

from contacts.models import CheckBatch, Contact
from tests import factories

Opened = Callable[[Page], None]


def everywhere() -> dict[str, tuple[str, Opened | None]]:
    """Give each page by its name: address, and what to do there before looking."""

    def at(name: str, *args: object) -> str:
        return reverse(f"admin:{name}", args=args)

    errors = at("providers_provideraccount_errors")
    person = Contact.objects.get(e164=factories.number(103))
    return {
        "find": (at("contacts_contact_find"), None),
        "find-several": (at("index"), lambda page: _find(page, factories.number(100)[:-1])),
        "find-nobody": (at("index"), lambda page: _find(page, "0912345678")),
        "help": (at("help"), None),
        "help-console": (at("help_page", "console"), None),
        "help-errors": (at("help_page", "errors"), None),
        "errors": (errors, None),
        "errors-one": (f"{errors}?provider=cloud_api&q=136024", None),
        "errors-none": (f"{errors}?provider=onprem&q=nothing", None),
        "history-person": (at("contacts_contact_history", person.pk), None),
        "history-run": (at("contacts_checkbatch_history", CheckBatch.objects.latest("pk").pk), None),
        "preferences-errors": (at("sign_in"), _choose_nowhere),
    }


def _find(page: Page, text: str) -> None:
    page.keyboard.press("/")
    page.keyboard.type(text)
    with page.expect_navigation():
        page.keyboard.press("Enter")


def _choose_nowhere(page: Page) -> None:
    page.get_by_label("Time zone").fill("Mars/Olympus")
    with page.expect_navigation():
        page.get_by_role("button", name="Keep").click()
