"""The home page: what needs a person now, the state of the world in charts, and the first steps.

Each part is one cheap query or a few, and is asked only for those who may see the page it leads to.
"""

from dataclasses import dataclass
from datetime import datetime, tzinfo

from django.contrib.auth.models import AnonymousUser, User
from django.urls import reverse
from django.utils.translation import gettext as _

from audit.reach import is_restricted
from waadmin.charts import Chart
from waadmin.home.first_steps import Step, first_steps
from waadmin.home.need import Need
from waadmin.home.needs import needs
from waadmin.home.world import charts

__all__ = ["Chart", "Home", "Need", "Quick", "Step", "read"]


@dataclass(frozen=True, slots=True)
class Quick:
    """One thing that people come here to do."""

    words: str
    href: str


@dataclass(frozen=True, slots=True)
class Home:
    """All that the home page shows beside the list of pages."""

    needs: tuple[Need, ...]
    steps: tuple[Step, ...]
    quick: tuple[Quick, ...]
    charts: tuple[Chart, ...]


def read(user: User | AnonymousUser, *, now: datetime, zone: tzinfo) -> Home:
    """Give the home page of this person, whose days begin at midnight in `zone`."""
    begins = user.has_perm("providers.add_provideraccount") and not is_restricted(user)
    steps = tuple(first_steps()) if begins else ()
    return Home(
        needs=tuple(needs(user, now=now)),
        steps=() if all(step.done for step in steps) else steps,
        quick=tuple(_quick(user)),
        charts=tuple(charts(user, now=now, zone=zone)),
    )


def _quick(user: User | AnonymousUser) -> list[Quick]:
    ways = (
        ("contacts.add_checkbatch", _("New check run"), "admin:contacts_checkbatch_add"),
        ("contacts.add_optin", _("Record opt-in"), "admin:contacts_optin_add"),
        ("contacts.withdraw_optin", _("Record opt-out"), "admin:contacts_optin_withdraw"),
        ("contacts.add_optinimport", _("Import opt-ins"), "admin:contacts_optinimport_add"),
        ("numbers.add_businessnumber", _("Add a number"), "admin:numbers_businessnumber_add"),
    )
    return [Quick(words, reverse(name)) for permission, words, name in ways if user.has_perm(permission)]
