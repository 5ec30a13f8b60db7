"""The pages of erasure and proof with something believable on each."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from django.urls import reverse
from playwright.sync_api import Page

from contacts.erasure import erasing, finishing, restricting
from contacts.models import Contact, Erasure
from tests import factories

Opened = Callable[[Page], None]
#: Who is restricted, who was erased, and whose pack is shown.
RESTRICTED, ERASED, SHOWN = (factories.number(ending) for ending in (126, 127, 105))


def furnish() -> None:
    """Restrict one person and erase another."""
    now = datetime.now(UTC)
    restricted, erased = (Contact.objects.get(e164=number) for number in (RESTRICTED, ERASED))
    restricting.restrict(
        contact=restricted,
        until=now + timedelta(days=5 * 365),
        reason=Erasure.Reason.OBJECTED,
        reference="T-4711",
        actor="ana",
        now=now,
    )
    erasing.erase(contact=erased, reason=Erasure.Reason.ASKED, reference="T-4712", actor="ana", now=now)
    finishing.finish(now=now)


def everywhere() -> dict[str, tuple[str, Opened | None]]:
    """Give each page by its name: address, and what to do there before looking."""
    shown, restricted = (Contact.objects.get(e164=number).pk for number in (SHOWN, RESTRICTED))

    def at(name: str, *args: object) -> str:
        return reverse(f"admin:contacts_{name}", args=args)

    return {
        "person-restricted": (at("contact_change", restricted), None),
        "erase": (at("contact_erase", shown), None),
        "erase-errors": (at("contact_erase", shown), _carry_out),
        "lift": (at("contact_lift", restricted), None),
        "erasures": (at("erasure_changelist"), None),
        "erasure": (at("erasure_change", Erasure.objects.filter(kind="ERASED").latest("at").pk), None),
        "evidence-pack": (at("contact_evidence_pack", shown), None),
        "complaint": (at("contact_complaint", shown), None),
        "worth-a-look": (at("optin_worth_a_look") + "?kind=proof-incomplete", None),
        "worth-a-look-none": (at("optin_worth_a_look") + "?kind=same-evidence", None),
    }


def _carry_out(page: Page) -> None:
    page.get_by_label("Erase now").check()
    page.get_by_role("button", name="Carry it out").click()
    page.wait_for_load_state()
