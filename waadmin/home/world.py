"""The state of the world in four charts, each for those who may see the page behind it.

No chart counts a table: each reads ranges of an index, however many rows lie outside of them, and what is over only
once a minute.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, tzinfo

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Sum
from django.urls import reverse
from django.utils.translation import gettext as _

from audit.reach import businesses, within
from contacts.models import ContactCheck, OptIn, OptInImport
from providers import limits
from providers.interfaces import EvidenceStrength
from providers.models import ProviderAccount
from providers.registry import can_check
from waadmin.charts import Chart, Series
from waadmin.home.need import ago
from waadmin.home.spans import Span, days, hours, over_and_current
from webhooks.models import WebhookRequest

OPT_IN_DAYS = 30
CHECK_DAYS = 14
WEBHOOK_HOURS = 24
_MOST_NAMED = 10


def charts(user: User | AnonymousUser, *, now: datetime, zone: tzinfo) -> Iterator[Chart]:
    """Give the charts of this person."""
    if user.has_perm("contacts.view_optin"):
        yield opt_ins(user, spans=days(OPT_IN_DAYS, now=now, zone=zone))
    if user.has_perm("contacts.view_contactcheck"):
        yield check_outcomes(user, spans=days(CHECK_DAYS, now=now, zone=zone))
    if user.has_perm("providers.view_provideraccount"):
        yield budgets(user, now=now)
    if user.has_perm("webhooks.view_webhookrequest"):
        yield webhooks(user, now=now, spans=hours(WEBHOOK_HOURS, now=now, zone=zone))


def opt_ins(user: User | AnonymousUser, *, spans: tuple[Span, ...]) -> Chart:
    """Draw the opt-ins and opt-outs recorded each day.

    What a file brought is told by its import, on the day it began: millions of records are not counted again.
    """
    singles = within(OptIn.objects.filter(opt_in_import__isnull=True), user)
    imports = within(OptInImport.objects.all(), user)
    reached = businesses(user)
    sums = {"granted": Sum("granted_count"), "withdrawn": Sum("withdrawn_count")}
    single = over_and_current(singles, spans, kept_as="opt_ins", reached=reached, at="recorded_at", by=["state"])
    in_files = over_and_current(imports, spans, kept_as="imports", reached=reached, at="started_at", figures=sums)
    counted: dict[str, list[int]] = {state: [0] * len(spans) for state in OptIn.State}
    for place, (state, rows) in single:
        counted[state][place] += rows
    for place, (granted, withdrawn) in in_files:
        counted[OptIn.State.GRANTED][place] += granted or 0
        counted[OptIn.State.WITHDRAWN][place] += withdrawn or 0
    return Chart(
        key="opt-ins",
        title=_("Opt-ins and opt-outs recorded, %(days)d days") % {"days": len(spans)},
        each=_("Day"),
        names=_names(spans),
        series=(
            Series(_("Opt-ins"), "good", tuple(counted[OptIn.State.GRANTED])),
            Series(_("Opt-outs"), "bad", tuple(counted[OptIn.State.WITHDRAWN])),
        ),
        empty=_("No opt-in and no opt-out was recorded in these %(days)d days.") % {"days": len(spans)},
        href=reverse("admin:contacts_optin_changelist"),
        action=_("Open opt-in records"),
    )


def check_outcomes(user: User | AnonymousUser, *, spans: tuple[Span, ...]) -> Chart:
    """Draw what became of the numbers that providers were asked about each day; a weak yes is no yes."""
    asked = within(ContactCheck.objects.filter(first_asked_at__isnull=False), user)
    status = ContactCheck.Status
    found: dict[str, list[int]] = defaultdict(lambda: [0] * len(spans))
    for place, (state, strength, rows) in over_and_current(
        asked, spans, kept_as="checks", reached=businesses(user), at="first_asked_at", by=["status", "strength"]
    ):
        is_weak_yes = state == status.VALID and strength == EvidenceStrength.WEAK
        known = state in (status.VALID, status.INVALID, status.FAILED, status.UNKNOWN)
        found["WEAK" if is_weak_yes else state if known else "OPEN"][place] += rows
    kinds = (
        (status.VALID, str(status.VALID.label), "good"),
        ("WEAK", _("Says yes (weak evidence)"), "quiet"),
        (status.INVALID, str(status.INVALID.label), "bad"),
        (status.FAILED, str(status.FAILED.label), "warn"),
        (status.UNKNOWN, str(status.UNKNOWN.label), "warn"),
        ("OPEN", _("No answer yet"), "busy"),
    )
    return Chart(
        key="checks",
        title=_("Numbers checked and what came of it, %(days)d days") % {"days": len(spans)},
        each=_("Day"),
        names=_names(spans),
        series=tuple(Series(words, tone, tuple(found[kind])) for kind, words, tone in kinds),
        empty=_("No provider was asked about a number in these %(days)d days.") % {"days": len(spans)},
        href=reverse("admin:contacts_checkbatch_changelist"),
        action=_("Open check runs"),
    )


def budgets(user: User | AnonymousUser, *, now: datetime) -> Chart:
    """Draw how much of its budget each account has spent in the last 24 hours."""
    rows = within(ProviderAccount.objects.order_by("name"), user)
    accounts = [account for account in rows if can_check(account.kind)]
    limited = [account for account in accounts if account.check_budget is not None]
    unlimited = [account.name for account in accounts if account.check_budget is None]
    asked = limits.asked_by_account(now=now)
    without = _("Without a budget: %(names)s.") % {"names": ", ".join(unlimited[:_MOST_NAMED])}
    return Chart(
        key="budgets",
        title=_("Check budgets spent, 24 hours"),
        each=_("Account"),
        names=tuple(account.name for account in limited),
        series=(Series(_("Numbers asked"), "busy", tuple(asked.get(account.pk, 0) for account in limited)),),
        limits=tuple(account.check_budget or 0 for account in limited),
        empty=_("No account that checks numbers has a budget."),
        href=reverse("admin:providers_provideraccount_changelist"),
        action=_("Open provider accounts"),
        notes=(without,) if unlimited else (),
    )


def webhooks(user: User | AnonymousUser, *, now: datetime, spans: tuple[Span, ...]) -> Chart:
    """Draw the webhooks stored each hour and how many failed, and say since when the oldest waits to be read."""
    objects, reached = WebhookRequest.objects, businesses(user)
    everything = over_and_current(
        within(objects.all(), user), spans, kept_as="webhooks", reached=reached, at="received_at"
    )
    bad = over_and_current(within(objects.failed(), user), spans, kept_as="failed", reached=reached, at="received_at")
    stored, failed = [0] * len(spans), [0] * len(spans)
    for place, (count,) in everything:
        stored[place] = count
    for place, (count,) in bad:
        failed[place] = count
    due = within(objects.due(now), user).order_by("due_at", "id")
    oldest = due.values_list("received_at", flat=True).first()
    waits = _("The oldest that waits to be read came %(ago)s.") % {"ago": ago(oldest, now)} if oldest else ""
    return Chart(
        key="webhooks",
        title=_("Webhooks received, %(hours)d hours") % {"hours": len(spans)},
        each=_("Hour"),
        names=_names(spans),
        series=(
            Series(_("Stored"), "good", tuple(max(0, all_ - some) for all_, some in zip(stored, failed, strict=True))),
            Series(_("Failed"), "bad", tuple(failed)),
        ),
        empty=_("No webhook came in these %(hours)d hours.") % {"hours": len(spans)},
        href=reverse("admin:webhooks_webhookrequest_changelist"),
        action=_("Open webhooks"),
        notes=(waits or _("Nothing waits to be read."),),
    )


def _names(spans: tuple[Span, ...]) -> tuple[str, ...]:
    return tuple(span.name for span in spans)
