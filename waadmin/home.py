"""The home page: what needs a person now, and the first steps, which tick themselves by looking at the state.

Each part is one cheap query, and is asked only for those who may see the page it leads to.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import Count, Exists, OuterRef, Q
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from contacts import identity_words, masking, opt_ins
from contacts.identity import cases
from contacts.inbound import suggestions
from contacts.models import CheckBatch, ContactCheck, OptIn, OptInImport, Suggestion
from numbers import identity_check, onboarding
from numbers import words as number_words
from numbers.models import BusinessNumber
from providers import limits, registry
from providers.models import Business, ProviderAccount
from webhooks.models import WebhookRequest

#: Runs older than this are history, not work.
RECENT = timedelta(days=14)
#: The share of a budget under which somebody should know.
NEARLY_SPENT = 0.1
#: A webhook that waits so long waits for somebody.
STUCK_AFTER = timedelta(minutes=10)
_AT_MOST = 5
_WORKS = Q(status="CONNECTED") | Q(business_account__account__kind="kaleyra", verified_at__isnull=False)
_LEFT_ALONE = Q(status__in=("BANNED", "DELETED", "MIGRATED", "LINKED")) | Q(is_on_business_app=True)
_DIFFERS = (
    Q(identity_desired=True, identity_read=False)
    | Q(identity_desired=False, identity_read=True)
    | Q(identity_desired__isnull=False) & ~Q(identity_problem="")
)


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
    if _may(user, "numbers.view_businessnumber"):
        needs += _numbers(now)
    if _may(user, "contacts.view_trustcase"):
        needs += _cases(now)
    if _may(user, "contacts.view_suggestion"):
        needs += _suggestions(now)
    if _may(user, "webhooks.view_webhookrequest"):
        needs += _webhooks(now)
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
                ("numbers.add_businessnumber", _("Add a number"), "admin:numbers_businessnumber_add"),
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
        if ends := registry.warning(account, today=now.date()):
            yield Need("warn", f"{account.name}: {ends}", page, _("Open account"))
        left = limits.budget_left(account, now=now)
        if left is not None and account.check_budget and left <= account.check_budget * NEARLY_SPENT:
            words = _("%(account)s has %(left)d of %(budget)d checks left for these 24 hours.") % {
                "account": account.name,
                "left": left,
                "budget": account.check_budget,
            }
            yield Need("warn", words, page, _("Open account"))


def _numbers(now: datetime) -> Iterator[Need]:
    rows = BusinessNumber.objects.select_related("business_account__account")
    for number in rows.filter(register_again_by__isnull=False).order_by("register_again_by")[:_AT_MOST]:
        at = number.register_again_by
        words = _("%(number)s: register it again by %(date)s, or its approved display name lapses.") % {
            "number": number_words.international(number.e164),
            "date": date_format(at, "j F Y") if at else "",
        }
        yield Need("warn", words, f"{_number_page(number)}?step=register", _("Register again"))
    for number in rows.filter(_DIFFERS)[:_AT_MOST]:
        words = _("%(number)s: the identity check is not as wanted. %(how)s") % {
            "number": number_words.international(number.e164),
            "how": identity_check.drift(number),
        }
        yield Need("warn", words, f"{_number_page(number)}?step=identity_check", _("Open number"))
    for number in rows.exclude(_WORKS).exclude(_LEFT_ALONE).order_by("-created_at")[:_AT_MOST]:
        step = onboarding.current_step(number, now=now)
        words = _("%(number)s is on its way. Next: %(step)s") % {
            "number": number_words.international(number.e164),
            "step": step.title,
        }
        if number.waiting_on:
            words = f"{words} ({number_words.waiting_words(step)})"
        yield Need("warn", words, _number_page(number), _("Go on"))


def _number_page(number: BusinessNumber) -> str:
    return reverse("admin:numbers_businessnumber_change", args=[number.pk])


def _cases(now: datetime) -> Iterator[Need]:
    found = list(cases.waiting()[: _AT_MOST + 1])
    for case in found[:_AT_MOST]:
        words = _("%(number)s: the identity changed %(age)s (%(how)s). Nothing is sent to this person.") % {
            "number": masking.number(case.contact.e164),
            "age": _age(case.opened_at, now),
            "how": identity_words.short(case),
        }
        yield Need("bad", words, reverse("admin:contacts_trustcase_change", args=[case.pk]), _("Verify"))
    if len(found) > _AT_MOST:
        more = cases.waiting().count() - _AT_MOST
        words = ngettext(
            "%(count)d more identity change to verify.", "%(count)d more identity changes to verify.", more
        ) % {"count": more}
        yield Need("bad", words, reverse("admin:contacts_trustcase_changelist"), _("See all"))
    for case in cases.without_a_hash()[:_AT_MOST]:
        words = _("%(number)s was verified, and no new identity came in time.") % {
            "number": masking.number(case.contact.e164)
        }
        yield Need("warn", words, reverse("admin:contacts_trustcase_change", args=[case.pk]), _("Resend once more"))


def _age(at: datetime, now: datetime) -> str:
    if now - at < timedelta(minutes=1):
        return _("just now")
    return _("%(age)s ago") % {"age": timesince(at, now, depth=1)}


def _suggestions(now: datetime) -> Iterator[Need]:
    found = list(suggestions.open_suggestions()[: _AT_MOST + 1])
    for one in found[:_AT_MOST]:
        is_late = one.due_at <= now
        words = _("%(kind)s: %(who)s, %(business)s.") % {
            "kind": one.get_kind_display(),
            "who": masking.number(one.contact.e164) if one.contact else _("a person without a number"),
            "business": one.business,
        }
        due = _("It was due %(at)s.") if is_late else _("Due %(at)s.")
        words = f"{words} {due % {'at': date_format(one.due_at, 'j F Y')}}"
        tone = "bad" if is_late and one.kind == Suggestion.Kind.OPT_OUT else "warn"
        yield Need(tone, words, reverse("admin:contacts_suggestion_change", args=[one.pk]), _("Read and decide"))
    if len(found) > _AT_MOST:
        more = suggestions.open_suggestions().count() - _AT_MOST
        words = ngettext("%(count)d more to read and decide.", "%(count)d more to read and decide.", more) % {
            "count": more
        }
        yield Need("warn", words, reverse("admin:contacts_suggestion_changelist"), _("See all"))


def _webhooks(now: datetime) -> Iterator[Need]:
    page = reverse("admin:webhooks_webhookrequest_changelist")
    is_stuck = Q(processed_at=None, error="", received_at__lte=now - STUCK_AFTER)
    counts = WebhookRequest.objects.filter(is_stuck | ~Q(error="")).aggregate(
        failed=Count("pk", filter=~Q(error="")), stuck=Count("pk", filter=is_stuck)
    )
    if failed := counts["failed"]:
        words = ngettext(
            "%(count)d webhook could not be processed.", "%(count)d webhooks could not be processed.", failed
        ) % {"count": failed}
        yield Need("bad", words, page, _("Open webhooks"))
    if stuck := counts["stuck"]:
        words = ngettext(
            "%(count)d webhook waits for more than ten minutes: is the worker running?",
            "%(count)d webhooks wait for more than ten minutes: is the worker running?",
            stuck,
        ) % {"count": stuck}
        yield Need("bad", words, page, _("Open webhooks"))


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
    yield Step(
        BusinessNumber.objects.filter(_WORKS).exists(),
        _("Take a business number from “somewhere” to “working”"),
        reverse("admin:numbers_businessnumber_add"),
    )
