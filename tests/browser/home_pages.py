"""What Home draws: some weeks of opt-ins and opt-outs, two weeks of checks, a day of webhooks."""

from collections.abc import Callable
from datetime import datetime, timedelta

from django.urls import reverse
from playwright.sync_api import Page

from contacts.models import ContactCheck
from providers.models import BudgetUse, Business, ProviderAccount
from tests import factories
from webhooks.models import WebhookRequest


def furnish(acme: Business, account: ProviderAccount, *, now: datetime) -> None:
    """Spread what is there over the days that Home draws, and add what is missing."""
    for ending in range(200, 248):
        recorded_at = now - timedelta(days=(ending * 7) % 29, minutes=ending)
        factories.opted_in(factories.number(ending), acme, given_at=recorded_at, now=recorded_at)
        if ending % 5 == 0:
            factories.withdrawn(factories.number(ending), acme, now=recorded_at + timedelta(seconds=30))
    for check in ContactCheck.objects.filter(first_asked_at__isnull=False).order_by("pk"):
        asked_at = now - timedelta(days=(check.pk * 3) % 13)
        ContactCheck.objects.filter(pk=check.pk).update(first_asked_at=asked_at)
    BudgetUse.objects.create(account=account, minute_at=now - timedelta(hours=3), asked=640)
    for number in range(60):
        at = now - timedelta(minutes=(number * number * 7) % 1_380)
        WebhookRequest.objects.create(
            kind=WebhookRequest.Kind.META,
            body=b"{}",
            digest=f"{number:064d}",
            received_at=at,
            due_at=at,
            processed_at=None if number % 20 == 0 else at,
            error="This is no JSON." if number % 20 == 0 else "",
        )


def everywhere() -> dict[str, tuple[str, Callable[[Page], None] | None]]:
    """Give Home with its tables open, the menu as a phone has it, and the page of an app."""
    return {
        "home-tables": (reverse("admin:index"), _open_tables),
        "menu": (reverse("admin:contacts_optin_changelist") + "#nav-sidebar", None),
        "app-page": (reverse("admin:app_list", args=["contacts"]), None),
    }


def _open_tables(page: Page) -> None:
    for summary in page.locator(".chart summary").all():
        summary.click()
