"""The pages of imports with something believable on each: a file at every step, and one that is being imported."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from django.urls import reverse
from playwright.sync_api import Page

from contacts.consent import uploads
from contacts.models import OptInImport
from providers.e164 import Reading
from providers.models import Business

Opened = Callable[[Page], None]
_HEAD = "Celular,Fecha,Canal,Comprobante,Nombre en el formulario,Notas,Campaña\n"
_PICKS = ("phone", "given_at", "source", "evidence", "business_name_shown", "", "")
_LINES = """+51987654321,2026-05-03T10:00:00-05:00,web form,"order 10401, box ticked",Acme,vip,mayo
51987654322,2026-05-03T10:05:00-05:00,web form,"order 10402, box ticked",Acme,,mayo
987654323,2026-05-03T10:10:00-05:00,paper,signed card 12,Acme,,
+447400000103,2026-05-04T10:00:00Z,paper,signed card 13,Acme,,
4.9E+12,2026-05-04T10:00:00Z,paper,signed card 14,Acme,,
+51987654326,soon,paper,signed card 15,Acme,,
+51987654327,2026-05-04T10:00:00Z,paper,,Acme,,
+51987654328,2026-05-04 10:00,paper,signed card 17,Acme,,
+51987654329,2026-05-04 11:30,paper,signed card 18,Acme,,
+51987654330,2026-05-04T10:00:00Z,paper,signed card 19,Acme Perú SAC,,
"""
_BARE = "".join(
    f"98765{ending:04d},2026-05-05T10:00:00-05:00,web form,order {11_000 + ending},Acme,,junio\n"
    for ending in range(4_000, 4_040)
)


def furnish(acme: Business, *, now: datetime) -> None:
    """Let ana have brought four files: one is being imported, one waits for its columns, one for her confirmation."""
    running = _kept(acme, "all-branches.csv", _HEAD + _LINES, at=now)
    _mapped(running)
    uploads.confirm(
        upload=running,
        statement=uploads.sentence(running),
        shown=uploads.declared(running),
        actor="ana",
        now=now - timedelta(days=12),
    )
    OptInImport.objects.filter(pk=running.pk).update(
        state=OptInImport.State.RUNNING,
        started_at=now - timedelta(seconds=20),
        line_count=39_812,
        committed_line=20_000,
        granted_count=19_480,
        withdrawn_count=310,
        held_count=14,
        refused_count=196,
    )
    _kept(acme, "branch-cusco.csv", _HEAD + _LINES.replace("1040", "1050"), at=now)
    _mapped(_kept(acme, "branch-lima.csv", _HEAD + _LINES + _BARE, at=now))


def everywhere() -> dict[str, tuple[str, Opened | None]]:
    """Give each page by its name: address, and what to do there before looking."""

    def of(name: str) -> str:
        return reverse("admin:contacts_optinimport_change", args=[OptInImport.objects.get(file_name=name).pk])

    return {
        "imports": (reverse("admin:contacts_optinimport_changelist"), None),
        "import-new": (reverse("admin:contacts_optinimport_add"), None),
        "import-columns": (of("branch-cusco.csv"), None),
        "import-columns-wrong": (of("branch-cusco.csv"), _map_wrongly),
        "import-preview": (of("branch-lima.csv"), None),
        "import-running": (of("all-branches.csv"), None),
        "import-finished": (of("fair-stand.csv"), None),
        "new-run-filter": (reverse("admin:contacts_checkbatch_add"), _choose_by_filter),
        "preview-filter": (reverse("admin:contacts_checkbatch_add"), _preview_filter),
    }


def _kept(acme: Business, name: str, text: str, *, at: datetime) -> OptInImport:
    return uploads.keep(
        content=text.encode(),
        file_name=name,
        business=acme,
        reading=Reading.E164,
        region="PE" if "lima" in name else "",
        name_shown="",
        actor="ana",
        now=at,
    )


def _mapped(entry: OptInImport) -> None:
    uploads.map_columns(upload=entry, picks=_PICKS, name_shown="")
    entry.refresh_from_db()


def _map_wrongly(page: Page) -> None:
    page.get_by_label("Notas").select_option("evidence")
    _press(page, "Preview")


def _choose_by_filter(page: Page) -> None:
    page.get_by_label("Account", exact=True).select_option(label="acme-contacts · On-Premises contacts node · Acme")
    page.get_by_label("Whose numbers").select_option("FILTER")


def _preview_filter(page: Page) -> None:
    _choose_by_filter(page)
    page.get_by_label("Without an answer for so many days").fill("0")
    page.get_by_label("Only who opted in since").fill((datetime.now(UTC) - timedelta(days=60)).date().isoformat())
    _press(page, "Preview")


def _press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name).click()
    page.wait_for_load_state()
