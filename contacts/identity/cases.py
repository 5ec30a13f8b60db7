"""Cases: opened by an event, one at a time for a person and one of our numbers; only a person closes one."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils.translation import gettext as _

from contacts.identity.trust import business_of, cases_of, lock_trust, record
from contacts.models import Contact, IdentityKey, IdentityTrust, Message, TrustCase
from numbers.models import BusinessNumber
from providers.models import ProviderAccount

ACTOR = "waadmin"
#: An open case is brought back to mind as often as this.
REMIND_EVERY = timedelta(days=1)


class CaseRefused(ValueError):
    """The case cannot be dealt with so; the message names the rule and the next step."""


def mismatch(*, message: Message, now: datetime) -> TrustCase | None:
    """Stop sends to a person whose identity did not match (137000, or 480 and 1028 of a node), and open the case.

    The same change reported again is the same case; a report of what a person has verified since changes nothing, and
    then no case is given.
    """
    with transaction.atomic():
        trust = lock_trust(contact=message.contact, account=message.account, business_number=message.business_number)
        settled = cases_of(trust).exclude(closed_at=None).first()
        is_resend = settled is not None and message.resend_of_case_id == settled.pk
        if settled is not None and settled.closed_at is not None and not is_resend and message.at <= settled.closed_at:
            # Whatever left before the person was verified failed for the change that was verified.
            return None
        suspend(trust, now)
        return open_case(
            trust,
            reason=TrustCase.Reason.MISMATCH,
            reference=message.wamid,
            message=message,
            now=now,
        )


def open_by_hand(
    *,
    contact: Contact,
    account: ProviderAccount,
    business_number: BusinessNumber | None,
    actor: str,
    now: datetime,
) -> TrustCase:
    """Open a case because a person wants to verify somebody again; until it is settled, sends are refused.

    :raises CaseRefused: when one is open already.
    """
    with transaction.atomic():
        trust = lock_trust(contact=contact, account=account, business_number=business_number)
        if cases_of(trust).filter(closed_at=None).exists():
            raise CaseRefused(_("There is an open case for this person already. Settle that one."))
        suspend(trust, now)
        return open_case(trust, reason=TrustCase.Reason.REQUESTED, reference="", now=now, actor=actor)


def assign(*, case: TrustCase, assignee: str, actor: str, now: datetime) -> None:
    """Say who takes care of an open case; an empty name frees it.

    :raises CaseRefused: when it is closed.
    """
    with transaction.atomic():
        trust, locked = lock_open(case)
        locked.assignee = assignee
        locked.save(update_fields=["assignee"])
        record("trust_case.assigned", trust, actor=actor, now=now, case=locked, assignee=assignee)
    case.assignee = assignee


def waiting() -> QuerySet[TrustCase]:
    """Give the open cases, oldest first, with what a list of them shows; restricted people wait for nobody."""
    return (
        TrustCase.objects.filter(closed_at=None, contact__restricted_at=None)
        .select_related("contact", "business", "account", "business_number", "message")
        .defer("evidence", "message__body")
        .order_by("opened_at", "pk")
    )


def without_a_hash() -> QuerySet[TrustCase]:
    """Give the verified cases whose resend brought no hash in time: a person may resend once more."""
    return (
        TrustCase.objects.filter(no_hash_since__isnull=False, contact__restricted_at=None)
        .select_related("contact", "business", "account", "business_number")
        .defer("evidence")
        .order_by("no_hash_since", "pk")
    )


def suspend(trust: IdentityTrust, now: datetime) -> None:
    """Let the locked trust refuse every send; the hash stays, to tell an old report from news."""
    if trust.state != IdentityTrust.State.MISMATCHED:
        trust.state, trust.basis, trust.since = IdentityTrust.State.MISMATCHED, "", now
        trust.save(update_fields=["state", "basis", "since"])
        # What was awaited is not awaited any more: its status must not bring trust.
        cases_of(trust).exclude(closed_at=None).filter(hash_expected_until__isnull=False).update(
            hash_expected_until=None, no_hash_since=None
        )


def open_case(
    trust: IdentityTrust,
    *,
    reason: TrustCase.Reason,
    reference: str,
    now: datetime,
    hash_seen: str = "",
    message: Message | None = None,
    happened_at: datetime | None = None,
    actor: str = ACTOR,
) -> TrustCase:
    """Give the open case of the locked trust, or open one; a held message makes it the case of that message."""
    case = cases_of(trust).filter(closed_at=None).first()
    if case is not None:
        _add(case, trust, reason=reason, reference=reference, message=message, actor=actor, now=now)
        return case
    case = TrustCase.objects.create(
        contact_id=trust.contact_id,
        business=business_of(trust.account, trust.business_number),
        account_id=trust.account_id,
        business_number_id=trust.business_number_id,
        reason=reason,
        reference=reference[:200],
        message=message,
        hash_seen=hash_seen,
        opened_at=now,
        remind_at=now + REMIND_EVERY,
    )
    trust.had_case = True
    trust.save(update_fields=["had_case"])
    record(
        "trust_case.opened",
        trust,
        actor=actor,
        now=now,
        case=case,
        reason=reason,
        state=trust.state,
        happened_at=happened_at,
    )
    return case


def note_newest_hash(case: TrustCase, trust: IdentityTrust) -> None:
    """Let an open case show the latest hash that was seen, as long as it is not the one trusted before."""
    newest = (
        IdentityKey.objects.filter(
            contact_id=trust.contact_id,
            account_id=trust.account_id,
            business_number_id=trust.business_number_id,
        )
        .order_by("-observed_at", "-pk")
        .first()
    )
    if newest is not None and newest.hash not in (trust.hash, case.hash_seen):
        case.hash_seen = newest.hash
        case.save(update_fields=["hash_seen"])


def lock_open(case: TrustCase) -> tuple[IdentityTrust, TrustCase]:
    """Lock the trust that an open case is about, and read the case anew.

    :raises CaseRefused: when it was closed, or the person erased, meanwhile.
    """
    trust = lock_trust(contact=case.contact, account=case.account, business_number=case.business_number)
    locked = TrustCase.objects.select_related("contact", "account", "business_number").filter(pk=case.pk).first()
    if locked is None:
        raise CaseRefused(_("The person was erased, and this case with them."))
    if locked.closed_at is not None:
        raise CaseRefused(_("Somebody has closed this case already."))
    return trust, locked


def remind(*, case_id: int, now: datetime) -> bool:
    """Note that an open case is due again, once for each time it falls due; tell whether it was."""
    due = TrustCase.objects.filter(pk=case_id, closed_at=None, remind_at__lte=now)
    case = due.select_related("contact", "account", "business_number").first()
    if case is None:
        return False
    with transaction.atomic():
        trust = lock_trust(contact=case.contact, account=case.account, business_number=case.business_number)
        if not due.update(remind_at=now + REMIND_EVERY, reminders=F("reminders") + 1):
            return False
        record("trust_case.reminded", trust, actor=ACTOR, now=now, case=case, opened_at=case.opened_at)
    return True


def say_no_hash_came(*, case_id: int, now: datetime) -> bool:
    """Let a verified case say that its resend brought no hash in time; tell whether that was news."""
    late = TrustCase.objects.filter(pk=case_id, hash_expected_until__lte=now, no_hash_since=None)
    case = late.select_related("contact", "account", "business_number").first()
    if case is None:
        return False
    with transaction.atomic():
        trust = lock_trust(contact=case.contact, account=case.account, business_number=case.business_number)
        if trust.state != IdentityTrust.State.AWAITING_HASH or not late.update(no_hash_since=now):
            return False
        record("trust_case.no_hash_came", trust, actor=ACTOR, now=now, case=case)
    return True


def _add(
    case: TrustCase,
    trust: IdentityTrust,
    *,
    reason: TrustCase.Reason,
    reference: str,
    message: Message | None,
    actor: str,
    now: datetime,
) -> None:
    """Let an open case take up a further report of its change; the earliest held message is the one that waits."""
    note_newest_hash(case, trust)
    if message is None or case.message_id == message.pk:
        return
    if case.message is None or message.at < case.message.at:
        case.message, case.reason, case.reference = message, reason, reference[:200]
        case.save(update_fields=["message", "reason", "reference"])
        record("trust_case.message_held", trust, actor=actor, now=now, case=case, message=message.pk)
