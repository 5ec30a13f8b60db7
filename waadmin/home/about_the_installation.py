"""What needs a person about accounts, our own numbers, webhooks and the ledger."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Q
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from audit.models import AuditEvent, SignedHead
from audit.reach import is_withheld, within
from numbers import identity_check, onboarding
from numbers import words as number_words
from numbers.models import BusinessNumber
from providers import limits, registry
from providers.models import ProviderAccount
from waadmin.home.need import AT_MOST, Need, action_for
from webhooks.models import WebhookRequest

#: The share of a budget under which somebody should know.
NEARLY_SPENT = 0.1
#: A webhook that waits so long waits for somebody.
STUCK_AFTER = timedelta(minutes=10)
#: docs/operations.md: a signed head goes to somebody outside once a month.
SIGN_EVERY = timedelta(days=31)
WORKS = Q(status="CONNECTED") | Q(business_account__account__kind="kaleyra", verified_at__isnull=False)
_LEFT_ALONE = Q(status__in=("BANNED", "DELETED", "MIGRATED", "LINKED")) | Q(is_on_business_app=True)
_DIFFERS = (
    Q(identity_desired=True, identity_read=False)
    | Q(identity_desired=False, identity_read=True)
    | Q(identity_desired__isnull=False) & ~Q(identity_problem="")
)


def accounts(user: User | AnonymousUser, *, now: datetime) -> Iterator[Need]:
    """Name accounts that send nothing, will soon stop, or have hardly any budget left."""
    rows = within(ProviderAccount.objects.all(), user)
    asked = limits.asked_by_account(now=now)
    for account in rows:
        page = reverse("admin:providers_provideraccount_change", args=[account.pk])
        stopped = account.stopped_because()
        if stopped:
            words = _("%(account)s sends nothing: %(why)s") % {"account": account.name, "why": stopped}
            yield Need("bad", words, page, _("Open account"))
        if ends := registry.warning(account, today=now.date()):
            yield Need("warn", f"{account.name}: {ends}", page, _("Open account"))
        if account.check_budget is None:
            continue
        left = max(0, account.check_budget - asked.get(account.pk, 0))
        if account.check_budget and left <= account.check_budget * NEARLY_SPENT:
            words = _("%(account)s has %(left)d of %(budget)d checks left for these 24 hours.") % {
                "account": account.name,
                "left": left,
                "budget": account.check_budget,
            }
            yield Need("warn", words, page, _("Open account"))


def numbers(user: User | AnonymousUser, *, now: datetime) -> Iterator[Need]:
    """Name numbers whose display name lapses, whose identity check differs, or that are half onboarded."""
    rows = within(BusinessNumber.objects.select_related("business_account__account"), user)
    for number in rows.filter(register_again_by__isnull=False).order_by("register_again_by")[:AT_MOST]:
        at = number.register_again_by
        words = _("%(number)s: register it again by %(date)s, or its approved display name lapses.") % {
            "number": number_words.international(number.e164),
            "date": date_format(at) if at else "",
        }
        action = action_for(user, "numbers.register_businessnumber", _("Register again"))
        yield Need("warn", words, f"{_number_page(number)}?step=register", action)
    for number in rows.filter(_DIFFERS)[:AT_MOST]:
        words = _("%(number)s: the identity check is not as wanted. %(how)s") % {
            "number": number_words.international(number.e164),
            "how": identity_check.drift(number),
        }
        yield Need("warn", words, f"{_number_page(number)}?step=identity_check", _("Open number"))
    for number in rows.exclude(WORKS).exclude(_LEFT_ALONE).order_by("-created_at")[:AT_MOST]:
        step = onboarding.current_step(number, now=now)
        words = _("%(number)s is on its way. Next: %(step)s") % {
            "number": number_words.international(number.e164),
            "step": step.title,
        }
        if number.waiting_on:
            words = f"{words} ({number_words.waiting_words(step)})"
        action = action_for(user, "numbers.verify_businessnumber", _("Go on"))
        yield Need("warn", words, _number_page(number), action)


def _number_page(number: BusinessNumber) -> str:
    return reverse("admin:numbers_businessnumber_change", args=[number.pk])


def webhooks(user: User | AnonymousUser, *, now: datetime) -> Iterator[Need]:
    """Count webhooks that could not be processed, and those that wait although nothing keeps them."""
    objects = WebhookRequest.objects
    page = reverse("admin:webhooks_webhookrequest_changelist")
    if failed := within(objects.failed(), user).count():
        words = ngettext(
            "%(count)d webhook could not be processed.", "%(count)d webhooks could not be processed.", failed
        ) % {"count": failed}
        yield Need("bad", words, page, _("Open webhooks"))
    if stuck := within(objects.due(now).filter(received_at__lte=now - STUCK_AFTER), user).count():
        words = ngettext(
            "%(count)d webhook waits for more than ten minutes: is the worker running?",
            "%(count)d webhooks wait for more than ten minutes: is the worker running?",
            stuck,
        ) % {"count": stuck}
        yield Need("bad", words, page, _("Open webhooks"))


def ledger_head(user: User | AnonymousUser, *, now: datetime) -> Iterator[Need]:
    """Ask for a signed head where the last one, or else the ledger's first event, is more than a month old."""
    if is_withheld(SignedHead, user):
        return
    page = reverse("admin:audit_auditevent_verify")
    last = SignedHead.objects.order_by("-id").values_list("signed_at", flat=True).first()
    if last is not None:
        if now - last > SIGN_EVERY:
            words = _("The head of the ledger was last signed on %(date)s: sign it again, and keep it outside.") % {
                "date": date_format(last)
            }
            yield Need("warn", words, page, _("Sign the head"))
        return
    first = AuditEvent.objects.order_by("sequence").values_list("recorded_at", flat=True).first()
    if first is not None and now - first > SIGN_EVERY:
        words = _("The head of the ledger was never signed, so a ledger written anew could not be told from this one.")
        yield Need("warn", words, page, _("Sign the head"))
