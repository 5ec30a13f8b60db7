"""Sending: ask the gate under lock, commit the attempt, call, record. Once, whatever comes of it.

No lock is held over HTTP. A message whose process dies in between, or whose answer is lost, becomes UNKNOWN and is
never sent again by itself: nobody knows whether the person has it.
"""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from audit import ledger
from contacts.erasure.suppression import kept_for
from contacts.erasure.vanishing import again_if_vanished
from contacts.gate import NOTHING, Basis, Decision, Facts, Outcome, Reason, decide
from contacts.messaging import consequences
from contacts.messaging.consequences import Word
from contacts.messaging.content import Content, body_of, check, kind_of
from contacts.messaging.facts import load, policy_for
from contacts.messaging.marks import record_event
from contacts.messaging.refusals import MessageRefused, words
from contacts.messaging.statuses import early_statuses, reduce, words_of
from contacts.models import Contact, Message, TrustCase
from numbers.attempts import Stopwatch
from numbers.models import BusinessNumber
from providers import limits
from providers.e164 import Number
from providers.errors import AnswerLost, NotConfigured, NotSent, ProviderError, Throttled, Unavailable
from providers.interfaces import SEND_WITHIN, MessageSender, Recipient, TextMessage
from providers.models import Business, ProviderAccount
from providers.registry import message_sender

#: What a lease allows beyond the call's own deadline: signing in, starting late, committing the answer.
LEASE_MARGIN = timedelta(seconds=30)
#: How long a message waits for the account's rate limit before it is refused.
LONGEST_WAIT_FOR_A_SLOT = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Order:
    """What somebody wants to be sent."""

    to: Contact | Number
    account: ProviderAccount
    business_number: BusinessNumber | None
    business: Business
    content: Content
    purpose: str
    actor: str
    with_hash: bool
    resend_of_case: TrustCase | None
    press: UUID | None


def send(order: Order, *, now: datetime) -> Message:
    """Send one message, once, and give it with what came of the call.

    :raises ContentRefused: when it cannot be sent as it stands.
    :raises MessageRefused: when the gate refuses it; nothing left.
    :raises NotConfigured: when the account cannot send.
    """
    check(order.content)
    sender = message_sender(order.account)
    watch = Stopwatch(now)
    if sent := _sent_by(order, _contact(order.to)):
        return sent
    _wait_for_a_slot(order, watch)
    message, is_ours = _claim(order, sender, watch.now())
    if not is_ours:
        return message
    if watch.now() >= message.at + SEND_WITHIN:
        # Stopped between commit and call: a withdrawal may have come and waited out the lease. Nothing is sent.
        return _record(message, NotSent("The process was stopped before the call; nothing left."), "", watch.now())
    try:
        wamid = _call(sender, order, message)
    except ProviderError as error:
        return _record(message, error, "", watch.now())
    return _record(message, None, wamid, watch.now())


def close_lost(*, now: datetime) -> int:
    """Close messages whose process died in mid-call, and give how many there were: nobody knows whether they left."""
    dead = Message.objects.filter(state=Message.State.SENDING, lease_until__lte=now)
    closed = 0
    for pk in list(dead.values_list("pk", flat=True)):
        with transaction.atomic():
            message = Message.objects.select_for_update().filter(pk=pk, state=Message.State.SENDING).first()
            if message is None:
                continue
            message.state, message.lease_until = Message.State.UNKNOWN, None
            message.save(update_fields=["state", "lease_until"])
            record_event("message.lost", message, "waadmin", now)
            closed += 1
    return closed


def _wait_for_a_slot(order: Order, watch: Stopwatch) -> None:
    now = watch.now()
    slot = limits.take_slot(order.account, now=now, longest_wait=LONGEST_WAIT_FOR_A_SLOT)
    if slot - now > LONGEST_WAIT_FOR_A_SLOT:
        raise _refusal(order, Reason.POSTPONED)
    while (left := (slot - watch.now()).total_seconds()) > 0:
        time.sleep(left)


@again_if_vanished
def _claim(order: Order, sender: MessageSender, now: datetime) -> tuple[Message, bool]:
    """Ask the gate under the lock of consent and trust, and commit the attempt or the refusal.

    The message is not ours to send where the same press has brought it here already.
    """
    with transaction.atomic(durable=True):
        contact = _contact(order.to)
        hash_to_send = ""
        if contact is None:
            opted_out = kept_for([order.to.e164], business_id=order.business.pk).get(order.to.e164, NOTHING)
            stranger = Facts(e164=order.to.e164, withdrawals=opted_out)
            decision = decide(stranger, policy_for(order.account, purpose=order.purpose, resend=False), now)
        else:
            known = load(
                contact=contact,
                account=order.account,
                business_number=order.business_number,
                business=order.business,
                now=now,
                lock=True,
            )
            if sent := _sent_by(order, contact):
                return sent, False
            policy = policy_for(order.account, purpose=order.purpose, resend=order.resend_of_case is not None)
            decision = decide(known.facts, policy, now)
            if decision.outcome is Outcome.ALLOWED and order.resend_of_case is not None:
                decision = _judge_resend(order.resend_of_case, contact, order, decision, now)
            if known.trust is not None and order.with_hash and order.resend_of_case is None and sender.compares_hashes:
                hash_to_send = known.trust.hash_to_send
        if decision.outcome is Outcome.ALLOWED and contact is not None:
            return _begin(order, contact, decision, hash_to_send, sender, now), True
        _record_refusal(order, contact, decision, now)
    raise _refusal(order, decision.reason or Reason.NO_OPT_IN)


def _contact(to: Contact | Number) -> Contact | None:
    # Read anew: whoever is erased while their page is open is nobody that we know.
    known = Contact.objects.filter(pk=to.pk) if isinstance(to, Contact) else Contact.objects.filter(e164=to.e164)
    return known.first()


def _sent_by(order: Order, contact: Contact | None) -> Message | None:
    if contact is None or order.press is None:
        return None
    return Message.objects.select_related("contact").filter(contact=contact, press=order.press).first()


def _judge_resend(case: TrustCase, contact: Contact, order: Order, decision: Decision, now: datetime) -> Decision:
    """Let through the resend of this person's own verified case, one at a time; trust is locked."""
    number_id = order.business_number.pk if order.business_number else None
    verified = TrustCase.objects.filter(
        pk=case.pk,
        contact__person_key=contact.person_key,
        account=order.account,
        business_number_id=number_id,
        outcome=TrustCase.Outcome.SAME_PERSON,
        closed_at__isnull=False,
    )
    under_way = Message.objects.filter(resend_of_case=case, state=Message.State.SENDING, lease_until__gt=now)
    if verified.exists() and not under_way.exists():
        return decision
    return Decision(Outcome.REFUSED, Reason.NO_RESEND_ORDERED)


def _begin(
    order: Order, contact: Contact, decision: Decision, hash_to_send: str, sender: MessageSender, now: datetime
) -> Message:
    message = Message.objects.create(
        contact=contact,
        business=order.business,
        account=order.account,
        business_number=order.business_number,
        direction=Message.Direction.OUT,
        kind=kind_of(order.content),
        purpose=order.purpose,
        body=body_of(order.content),
        state=Message.State.SENDING,
        basis=decision.basis or Basis.OPT_IN,
        opt_in_id=decision.opt_in_id,
        hash_sent=hash_to_send,
        resend_of_case=order.resend_of_case,
        press=order.press,
        actor=order.actor,
        at=now,
        lease_until=now + timedelta(seconds=sender.deadline) + LEASE_MARGIN,
    )
    record_event(
        "message.attempted",
        message,
        order.actor,
        now,
        kind=message.kind,
        purpose=message.purpose,
        basis=message.basis,
        opt_in=message.opt_in_id,
        with_hash=bool(hash_to_send),
        resend_of_case=message.resend_of_case_id,
    )
    return message


def _record_refusal(order: Order, contact: Contact | None, decision: Decision, now: datetime) -> None:
    ledger.record(
        action="message.refused",
        actor=order.actor,
        now=now,
        business_id=order.business.pk,
        subject=f"ProviderAccount:{order.account.pk}",
        pseudonym=contact.pseudonym if contact else None,
        details={
            "reason": str(decision.reason),
            "purpose": order.purpose,
            "business_number": order.business_number.pk if order.business_number else None,
        },
    )


def _refusal(order: Order, reason: Reason) -> MessageRefused:
    said = words(reason, business=order.business.name, purpose=order.purpose, account=order.account)
    return MessageRefused(reason, said)


def _call(sender: MessageSender, order: Order, message: Message) -> str:
    number_id = order.business_number.phone_number_id if order.business_number else ""
    to = Recipient(message.contact.e164, message.contact.wa_id)
    subject = f"Message:{message.pk}"
    if isinstance(order.content, TextMessage):
        return sender.send_text(number_id, to, order.content, identity_hash=message.hash_sent, subject=subject)
    return sender.send_template(number_id, to, order.content, identity_hash=message.hash_sent, subject=subject)


def _record(message: Message, error: ProviderError | None, wamid: str, now: datetime) -> Message:
    """Write what came of the call, with everything that follows from it for the person."""
    with transaction.atomic():
        early = early_statuses(message, wamid) if wamid else []
        said = [Word(now, code=error.code)] if error else words_of(early)
        consequences.lock(message, said, now=now)
        kept = Message.objects.select_for_update(of=("self",)).filter(pk=message.pk).first()
        if kept is None:
            return message  # the person was erased after the lease had ended
        if kept.state not in (Message.State.SENDING, Message.State.UNKNOWN):
            return kept
        kept.state = _state_of(error)
        kept.lease_until = None
        if error is not None:
            kept.provider_code, kept.trace_id = error.code[:40], error.trace_id[:100]
            kept.provider_words = (error.said or error.message)[:200]
        kept.wamid = wamid
        kept.save(update_fields=["state", "lease_until", "provider_code", "provider_words", "trace_id", "wamid"])
        reduce(kept, early)
        if isinstance(error, Throttled):
            limits.postpone(message.account, until=now + error.retry_after)
        consequences.draw(kept, said, now=now)
        record_event(_EVENTS[kept.state], kept, kept.actor, now, code=kept.provider_code, trace_id=kept.trace_id)
    return kept


def _state_of(error: ProviderError | None) -> str:
    if error is None:
        return Message.State.ACCEPTED
    if isinstance(error, NotSent | NotConfigured):
        return Message.State.NOT_SENT
    if isinstance(error, AnswerLost) or (isinstance(error, Unavailable) and not error.code):
        return Message.State.UNKNOWN
    return Message.State.FAILED


_EVENTS: dict[str, str] = {
    Message.State.ACCEPTED: "message.accepted",
    Message.State.FAILED: "message.failed",
    Message.State.UNKNOWN: "message.lost",
    Message.State.NOT_SENT: "message.not_sent",
}
