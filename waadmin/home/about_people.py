"""What needs a person about people: identities that changed, what they wrote, opt-ins, check runs and imports."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Exists, OuterRef
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from audit.reach import within
from contacts import identity_words, masking, opt_ins
from contacts.checking.standing_still import standing_still
from contacts.identity import cases as trust_cases
from contacts.inbound import suggestions
from contacts.models import CheckBatch, ContactCheck, OptInImport, Suggestion
from contacts.visibility import visible
from waadmin.home.need import AT_MOST, Need, action_for, ago

#: Runs and imports older than this are history, not work.
RECENT = timedelta(days=14)


def cases(user: User | AnonymousUser, *, now: datetime) -> Iterator[Need]:
    """Name identities that changed, oldest first, and those verified without a new identity."""
    waiting = within(trust_cases.waiting(), user)
    verify = action_for(user, "contacts.settle_trustcase", _("Verify"))
    found = list(waiting[: AT_MOST + 1])
    for case in found[:AT_MOST]:
        words = _("%(number)s: the identity changed %(age)s (%(how)s). Nothing is sent to this person.") % {
            "number": masking.number(case.contact.e164),
            "age": ago(case.opened_at, now),
            "how": identity_words.short(case),
        }
        yield Need("bad", words, reverse("admin:contacts_trustcase_change", args=[case.pk]), verify)
    if len(found) > AT_MOST:
        more = waiting.count() - AT_MOST
        words = ngettext(
            "%(count)d more identity change to verify.", "%(count)d more identity changes to verify.", more
        ) % {"count": more}
        yield Need("bad", words, reverse("admin:contacts_trustcase_changelist"), _("See all"))
    for case in within(trust_cases.without_a_hash(), user)[:AT_MOST]:
        words = _("%(number)s was verified, and no new identity came in time.") % {
            "number": masking.number(case.contact.e164)
        }
        resend = action_for(user, "contacts.settle_trustcase", _("Resend once more"))
        yield Need("warn", words, reverse("admin:contacts_trustcase_change", args=[case.pk]), resend)


def suggested(user: User | AnonymousUser, *, now: datetime) -> Iterator[Need]:
    """Name what people wrote that may be an opt-out or an opt-in, the most urgent first."""
    waiting = within(suggestions.open_suggestions(), user)
    decide = action_for(user, "contacts.decide_suggestion", _("Read and decide"))
    found = list(waiting[: AT_MOST + 1])
    for one in found[:AT_MOST]:
        is_late = one.due_at <= now
        words = _("%(kind)s: %(who)s, %(business)s.") % {
            "kind": one.get_kind_display(),
            "who": masking.number(one.contact.e164) if one.contact else _("a person without a number"),
            "business": one.business,
        }
        due = _("It was due %(at)s.") if is_late else _("Due %(at)s.")
        words = f"{words} {due % {'at': date_format(one.due_at)}}"
        tone = "bad" if is_late and one.kind == Suggestion.Kind.OPT_OUT else "warn"
        yield Need(tone, words, reverse("admin:contacts_suggestion_change", args=[one.pk]), decide)
    if len(found) > AT_MOST:
        more = waiting.count() - AT_MOST
        words = ngettext("%(count)d more to read and decide.", "%(count)d more to read and decide.", more) % {
            "count": more
        }
        yield Need("warn", words, reverse("admin:contacts_suggestion_changelist"), _("See all"))


def held(user: User | AnonymousUser, *, now: datetime) -> Iterator[Need]:
    """Count imported opt-ins of people who had opted out."""
    waiting = visible(opt_ins.held(), user)
    if count := waiting.count():
        words = ngettext(
            "%(count)d imported opt-in is for somebody who had opted out.",
            "%(count)d imported opt-ins are for people who had opted out.",
            count,
        ) % {"count": count}
        yield Need("warn", words, reverse("admin:contacts_optin_held"), _("Decide"))


def runs(user: User | AnonymousUser, *, now: datetime) -> Iterator[Need]:
    """Name check runs that stand still, that somebody paused, or that ended without every answer."""
    recent = within(CheckBatch.objects.filter(created_at__gt=now - RECENT).select_related("account"), user)
    for run in recent.filter(state=CheckBatch.State.PAUSED)[:AT_MOST]:
        yield _run(run, "warn", _("Check run #%(run)d (%(account)s) is paused."))
    for run in standing_still(recent, now=now)[:AT_MOST]:
        yield _run(run, "bad", _("Check run #%(run)d (%(account)s) stands still: is the worker running?"))
    unanswered = ContactCheck.objects.filter(batch=OuterRef("pk"), status__in=["FAILED", "UNKNOWN"])
    ended = recent.filter(Exists(unanswered), ~Exists(CheckBatch.objects.filter(retry_of=OuterRef("pk"))))
    for run in ended[:AT_MOST]:
        yield _run(run, "warn", _("Check run #%(run)d (%(account)s) has numbers without an answer."))


def _run(run: CheckBatch, tone: str, words: str) -> Need:
    page = reverse("admin:contacts_checkbatch_change", args=[run.pk])
    return Need(tone, words % {"run": run.pk, "account": run.account.name}, page, _("Open run"))


def imports(user: User | AnonymousUser, *, now: datetime) -> Iterator[Need]:
    """Name imports that an error stopped."""
    rows = OptInImport.objects.filter(state=OptInImport.State.FAILED, started_at__gt=now - RECENT)
    for entry in within(rows.defer("content", "errors"), user)[:AT_MOST]:
        words = _("The import of %(file)s was stopped by an error.") % {"file": entry.file_name}
        yield Need("bad", words, reverse("admin:contacts_optinimport_change", args=[entry.pk]), _("Open import"))
