"""Settling a case: a person verified somebody outside WhatsApp, or could not, and says how.

There is no "trust anyway" and nothing in bulk. "Same person" only allows one message without a hash, and its status
brings the new hash (`adopting`); a node's case is settled by acknowledging what a person saw (`node`).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from contacts import messages, opt_ins
from contacts.consent.locking import lock_person
from contacts.identity import cases, notes
from contacts.identity.cases import CaseRefused, lock_open
from contacts.identity.trust import cases_of, lock_trust, record
from contacts.models import Consent, Contact, IdentityTrust, Message, TrustCase
from providers.e164 import Number
from providers.interfaces import TemplateMessage, TextMessage
from providers.models import Business, Purpose

Outcome = TrustCase.Outcome
#: How long the status of the resend may take: a phone that is off is switched on within a day as a rule.
HASH_WITHIN = timedelta(hours=24)
#: The one that was ordered, and once more where no status came.
MOST_RESENDS = 2
SOURCE = "identity check"
_FAILED = Q(state__in=(Message.State.FAILED, Message.State.NOT_SENT)) | Q(failed_at__isnull=False)


class Resend(StrEnum):
    """What goes without a hash once a person is verified."""

    ORIGINAL = "ORIGINAL"
    TEMPLATE = "TEMPLATE"
    NOTHING = "NOTHING"


def same_person(
    *,
    case: TrustCase,
    channel: str,
    evidence: str,
    actor: str,
    now: datetime,
    resend: Resend = Resend.ORIGINAL,
    template: TemplateMessage | None = None,
) -> Message | None:
    """Close a case as "same person" and send what was chosen without a hash; give that message.

    The case is closed also where the gate then refuses the message, which `resend_again` may send later.

    :raises CaseRefused: when the case is closed, is a node's, or there is nothing to send.
    :raises MessageRefused: when the gate refuses the message; the case is closed then.
    """
    channel, evidence = notes.checked(channel, evidence)
    if case.business_number is None:
        raise CaseRefused(_("This identity is kept by a contacts node: read it there, and confirm what you saw."))
    content = _content(case, resend, template)
    with transaction.atomic():
        trust, locked = lock_open(case)
        close(locked, trust, Outcome.SAME_PERSON, channel=channel, evidence=evidence, actor=actor, now=now)
        trust.state, trust.basis, trust.since = IdentityTrust.State.AWAITING_HASH, "", now
        trust.save(update_fields=["state", "basis", "since"])
        if content is not None:
            _expect_hash(locked, now)
        record(
            "trust_case.closed", trust, actor=actor, now=now, case=locked, outcome=Outcome.SAME_PERSON, resend=resend
        )
    case.refresh_from_db()
    return None if content is None else _send(case, content, actor, now)


def resend_again(
    *,
    case: TrustCase,
    actor: str,
    now: datetime,
    template: TemplateMessage | None = None,
    text: TextMessage | None = None,
) -> Message:
    """Send the first or, where no hash came in time, one more message without a hash to a verified person.

    Without a template or a text it is the message that was held back.

    :raises CaseRefused: when no further message may go without a hash, or there is nothing to send.
    :raises MessageRefused: when the gate refuses the message.
    """
    content = template or text or _content(case, Resend.ORIGINAL, None)
    if content is None:
        raise CaseRefused(_("There is nothing to send again. Choose a template."))
    with transaction.atomic():
        trust = lock_trust(contact=case.contact, account=case.account, business_number=case.business_number)
        locked = TrustCase.objects.get(pk=case.pk)
        refused = _why_not_again(locked, trust, now)
        if refused:
            raise CaseRefused(refused)
        _expect_hash(locked, now)
        record("trust_case.resend_ordered", trust, actor=actor, now=now, case=locked)
    return _send(case, content, actor, now)


def why_not_again(case: TrustCase, now: datetime) -> str:
    """Say why no message may go without a hash for this case now; nothing where one may."""
    trust = IdentityTrust.objects.filter(
        contact_id=case.contact_id, account_id=case.account_id, business_number_id=case.business_number_id
    ).first()
    return _why_not_again(case, trust, now) if trust else _("This person has no identity on record.")


def other_person(*, case: TrustCase, channel: str, evidence: str, actor: str, now: datetime) -> int:
    """Close a case because the number is someone else's now: that person agreed to nothing, so everything is withdrawn.

    For every business, because consent was given by a person and not by a number. Waits, outside any transaction, for
    calls on their way, and gives how many there were. Sends stay refused until a person asks to verify again.

    :raises CaseRefused: when the case is closed.
    """
    channel, evidence = notes.checked(channel, evidence)
    people = list(Contact.objects.filter(person_key=case.contact.person_key).order_by("pk"))
    with transaction.atomic():
        agreed_with = Consent.objects.filter(contact__in=people).values("business_id")
        businesses = list(Business.objects.filter(Q(pk__in=agreed_with) | Q(pk=case.business_id)).order_by("pk"))
        lock_person(contacts=people, businesses=businesses, now=now)
        trust, locked = lock_open(case)
        close(locked, trust, Outcome.OTHER_PERSON, channel=channel, evidence=evidence, actor=actor, now=now)
        cases.suspend(trust, now)
        record("trust_case.closed", trust, actor=actor, now=now, case=locked, outcome=Outcome.OTHER_PERSON)
        for business in businesses:
            _withdraw(people, business, locked, actor, now)
    case.refresh_from_db()
    return sum(opt_ins.wait_for_calls([person.pk for person in people], business=business) for business in businesses)


def not_reached(
    *, case: TrustCase, channel: str, note: str, actor: str, now: datetime, remind_at: datetime | None = None
) -> None:
    """Note that the person could not be reached: the case stays open, is counted, and comes back to mind.

    :raises CaseRefused: when the case is closed.
    """
    channel, note = notes.checked(channel, note)
    with transaction.atomic():
        trust, locked = lock_open(case)
        notes.add(locked, notes.Note(now, actor, Outcome.NOT_REACHED, channel, note))
        locked.outcome, locked.tried_at, locked.tries = Outcome.NOT_REACHED, now, locked.tries + 1
        locked.remind_at = max(remind_at, now) if remind_at else now + cases.REMIND_EVERY
        locked.save(update_fields=["evidence", "outcome", "tried_at", "tries", "remind_at"])
        record("trust_case.not_reached", trust, actor=actor, now=now, case=locked, tries=locked.tries)
    case.refresh_from_db()


def close(
    case: TrustCase,
    trust: IdentityTrust,
    outcome: TrustCase.Outcome,
    *,
    channel: str,
    evidence: str,
    actor: str,
    now: datetime,
) -> None:
    """Close a locked case with what it rests on; the caller records that in the ledger."""
    cases.note_newest_hash(case, trust)
    notes.add(case, notes.Note(now, actor, outcome, channel, evidence))
    case.outcome, case.channel, case.closed_at, case.closed_by = outcome, channel, now, actor
    case.remind_at = None
    case.save(update_fields=["evidence", "outcome", "channel", "closed_at", "closed_by", "remind_at"])


def _content(case: TrustCase, resend: Resend, template: TemplateMessage | None) -> TextMessage | TemplateMessage | None:
    if resend is Resend.NOTHING:
        return None
    if resend is Resend.TEMPLATE:
        if template is None:
            raise CaseRefused(_("Choose the template that is to be sent."))
        return template
    content = messages.content_of(case.message) if case.message else None
    if content is None:
        raise CaseRefused(
            _("No message was held back, or its text was removed when its time was over. Choose a template or nothing.")
        )
    return content


def _expect_hash(case: TrustCase, now: datetime) -> None:
    case.hash_expected_until, case.no_hash_since = now + HASH_WITHIN, None
    case.save(update_fields=["hash_expected_until", "no_hash_since"])


def _why_not_again(case: TrustCase, trust: IdentityTrust, now: datetime) -> str:
    latest = cases_of(trust).first()
    if trust.state != IdentityTrust.State.AWAITING_HASH or latest is None or latest.pk != case.pk:
        return _("No message may go without an identity here: nobody was verified, or trust is restored already.")
    if case.hash_expected_until is not None and now < case.hash_expected_until and not _failed_since_ordered(case):
        return _("A message is on its way. Wait for its status until %(until)s.") % {
            "until": case.hash_expected_until.isoformat(timespec="minutes")
        }
    if _resends(case).exclude(_FAILED).count() >= MOST_RESENDS:
        return _("Two messages brought no identity. Ask to verify the person again.")
    return ""


def _failed_since_ordered(case: TrustCase) -> bool:
    """Tell whether what was ordered last has certainly failed: it showed nobody anything and brings no hash."""
    if case.hash_expected_until is None:
        return False
    return _resends(case).filter(_FAILED, at__gte=case.hash_expected_until - HASH_WITHIN).exists()


def _resends(case: TrustCase) -> QuerySet[Message]:
    return Message.objects.filter(resend_of_case=case)


def _send(case: TrustCase, content: TextMessage | TemplateMessage, actor: str, now: datetime) -> Message:
    held = case.message
    message: Message | None = None
    try:
        message = messages.send(
            to=case.addressee,
            account=case.account,
            business_number=case.business_number,
            content=content,
            purpose=held.purpose if held and held.purpose else Purpose.SERVICE,
            actor=actor,
            now=now,
            with_hash=False,
            resend_of_case=case,
        )
        return message
    finally:
        if message is None or message.state in (Message.State.FAILED, Message.State.NOT_SENT):
            # Nothing reached anybody, so nothing is awaited.
            TrustCase.objects.filter(pk=case.pk).update(hash_expected_until=None)


def _withdraw(people: Sequence[Contact], business: Business, case: TrustCase, actor: str, now: datetime) -> None:
    done: set[str] = set()
    for person in people:
        if person.person_key not in done:
            done.add(person.person_key)
            opt_ins.withdraw(
                number=Number(person.e164, person.region),
                business=business,
                actor=actor,
                now=now,
                source=SOURCE,
                reason=_("The number is someone else's now (identity case %(case)d).") % {"case": case.pk},
            )
