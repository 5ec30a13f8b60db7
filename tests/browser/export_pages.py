"""The pages of exports with something believable on each: for the screenshots and axe."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import Page

from audit.export import datasets, jobs, tasks
from audit.export.making import Format
from audit.models import Export

Opened = Callable[[Page], None]


def furnish(user: User) -> None:
    """Let a person have asked for four exports: one is ready, one being made, one failed, one was removed."""
    for state in ("READY", "RUNNING", "FAILED", "REMOVED"):
        now = datetime.now(UTC)
        export = jobs.request(
            user=user,
            file_format=Format.XLSX if state == "FAILED" else Format.CSV,
            names=[dataset.name for dataset in datasets.all_datasets()],
            since=datetime(2026, 1, 1, tzinfo=UTC),
            until=now + timedelta(days=1),
            filters={"business": next(iter(datasets.all_filters()[0].choices(None)))[0]},
            now=now,
        )
        if state == "READY":
            tasks.run(export.pk)
            continue
        Export.objects.filter(pk=export.pk).update(
            state=state,
            rows=48_211 if state == "RUNNING" else 0,
            problem="The disk of the worker is full." if state == "FAILED" else "",
            lease_until=now + timedelta(hours=1),
        )


def everywhere() -> dict[str, tuple[str, Opened | None]]:
    """Give each page by its name: address, and what to do there before looking; everybody sees their own only."""
    if not Export.objects.exists():
        furnish(User.objects.latest("pk"))
    pages: dict[str, tuple[str, Opened | None]] = {
        f"export-{export.state.lower()}": (reverse("admin:audit_export_change", args=[export.pk]), None)
        for export in Export.objects.all()
    }
    return {
        "exports": (reverse("admin:audit_export_changelist"), None),
        "export-new": (reverse("admin:audit_export_add"), None),
        "export-errors": (reverse("admin:audit_export_add"), _forget_everything),
        **pages,
    }


def _forget_everything(page: Page) -> None:
    for box in page.locator("input[name=datasets]").all():
        box.uncheck()
    page.get_by_role("button", name="Export", exact=True).click()
    page.wait_for_load_state()
