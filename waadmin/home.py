"""The home page: what needs a person now, and the first steps, which tick themselves by looking at the state.

Each part is one cheap query, and is asked only for those who may see the page it leads to.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import Exists, OuterRef
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from contacts import opt_ins
from contacts.models import CheckBatch, ContactCheck, OptIn, OptInImport
from providers import limits
from providers.models import Business, ProviderAccount

#: Runs older than this are history, not work.
RECENT = timedelta(days=14)
#: The share of a budget under which somebody should know.
NEARLY_SPENT = 0.1
_AT_MOST = 5


@dataclass(frozen=True, slots=True)
class Need:
    """One thing that waits for a person."""

    tone: str
    words: str
    href: str
    action: str


@dataclass(frozen=True, slots=True)
class Step:
    """One of the first steps."""

    done: bool
    words: str
    href: str


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


def read(user: AbstractBaseUser | AnonymousUser) -> Home:
    """Give the home page of this person."""
    now = datetime.now(UTC)
    needs: list[Need] = []
    if _may(user, "providers.view_provideraccount"):
        needs += _accounts(now)
    if _may(user, "contacts.add_optin"):
        needs += _held()
    if _may(user, "contacts.view_checkbatch"):
        needs += _runs(now)
    if _may(user, "contacts.view_optinimport"):
        needs += _imports(now)
    steps = tuple(_first_steps()) if _may(user, "providers.add_provideraccount") else ()
    return Home(
        needs=tuple(needs),
        steps=() if all(step.done for step in steps) else steps,
        quick=tuple(
            Quick(words, reverse(name))
            for permission, words, name in (
                ("contacts.add_checkbatch", _("New check run"), "admin:contacts_checkbatch_add"),
                ("contacts.add_optin", _("Record opt-in"), "admin:contacts_optin_add"),
                ("contacts.withdraw_optin", _("Record opt-out"), "admin:contacts_optin_withdraw"),
                ("contacts.add_optinimport", _("Import opt-ins"), "admin:contacts_optinimport_add"),
            )
            if _may(user, permission)
        ),
    )


def _may(user: AbstractBaseUser | AnonymousUser, permission: str) -> bool:
    return bool(getattr(user, "has_perm", lambda _name: False)(permission))


def _accounts(now: datetime) -> Iterator[Need]:
    for account in ProviderAccount.objects.all():
        page = reverse("admin:providers_provideraccount_change", args=[account.pk])
        stopped = account.stopped_because()
        if stopped:
            words = _("%(account)s sends nothing: %(why)s") % {"account": account.name, "why": stopped}
            yield Need("bad", words, page, _("Open account"))
        left = limits.budget_left(account, now=now)
        if left is not None and account.check_budget and left <= account.check_budget * NEARLY_SPENT:
            words = _("%(account)s has %(left)d of %(budget)d checks left for these 24 hours.") % {
                "account": account.name,
                "left": left,
                "budget": account.check_budget,
            }
            yield Need("warn", words, page, _("Open account"))


def _held() -> Iterator[Need]:
    count = opt_ins.held().count()
    if count:
        words = ngettext(
            "%(count)d imported opt-in is for somebody who had opted out.",
            "%(count)d imported opt-ins are for people who had opted out.",
            count,
        ) % {"count": count}
        yield Need("warn", words, reverse("admin:contacts_optin_held"), _("Decide"))


def _runs(now: datetime) -> Iterator[Need]:
    unanswered = ContactCheck.objects.filter(batch=OuterRef("pk"), status__in=["FAILED", "UNKNOWN"])
    runs = (
        CheckBatch.objects.filter(created_at__gt=now - RECENT)
        .filter(Exists(unanswered), ~Exists(CheckBatch.objects.filter(retry_of=OuterRef("pk"))))
        .select_related("account")[:_AT_MOST]
    )
    for run in runs:
        words = _("Check run #%(run)d (%(account)s) has numbers without an answer.") % {
            "run": run.pk,
            "account": run.account.name,
        }
        yield Need("warn", words, reverse("admin:contacts_checkbatch_change", args=[run.pk]), _("Open run"))


def _imports(now: datetime) -> Iterator[Need]:
    stopped = OptInImport.objects.filter(state=OptInImport.State.FAILED, started_at__gt=now - RECENT)[:_AT_MOST]
    for entry in stopped:
        words = _("The import of %(file)s was stopped by an error.") % {"file": entry.file_name}
        yield Need("bad", words, reverse("admin:contacts_optinimport_change", args=[entry.pk]), _("Open import"))


def _first_steps() -> Iterator[Step]:
    yield Step(
        Business.objects.exists(), _("Name the business that people opt in to"), reverse("admin:providers_business_add")
    )
    yield Step(
        ProviderAccount.objects.exists(),
        _("Connect a provider account and test its connection"),
        reverse("admin:providers_provideraccount_add"),
    )
    yield Step(
        OptIn.objects.filter(state=OptIn.State.GRANTED).exists(),
        _("Import or record opt-ins"),
        reverse("admin:contacts_optinimport_add"),
    )
    yield Step(CheckBatch.objects.exists(), _("Run the first check"), reverse("admin:contacts_checkbatch_add"))
