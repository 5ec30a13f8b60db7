"""What a provider's word about a message means for the person: reached, not reachable, opted out, identity changed.

Each is the business of another journey, and each may be told again without harm. Locks come first and in one order:
consent, trust, then the message; whatever writes the ledger comes last.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from contacts import identity, inbound
from contacts.consent.locking import lock_person
from contacts.inbound import ReachKind
from contacts.inbound.reach import UNDELIVERABLE
from contacts.models import IdentityKey, Message

#: The person's identity is another: Meta's 137000, and what a node says before it was acknowledged.
MISMATCHES = frozenset({"137000", "480", "1028"})
#: The person stopped marketing messages in WhatsApp itself.
MARKETING_STOPPED = frozenset({"131050"})
#: The person has the message.
ARRIVED = {"delivered": ReachKind.DELIVERED, "read": ReachKind.READ}


@dataclass(frozen=True, slots=True)
class Word:
    """One thing that the provider said of a message: a status of it, or an error instead of an answer."""

    at: datetime
    status: str = ""
    identity_hash: str = ""
    code: str = ""


def lock(message: Message, said: Sequence[Word], *, now: datetime) -> None:
    """Lock what the consequences will change besides the message: consent first, then trust."""
    if any(word.code in MARKETING_STOPPED for word in said):
        lock_person(contacts=[message.contact], businesses=[message.business], now=now)
    if any(word.identity_hash or word.code in MISMATCHES for word in said):
        identity.lock_trust(contact=message.contact, account=message.account, business_number=message.business_number)


def draw(message: Message, said: Sequence[Word], *, now: datetime) -> None:
    """Draw the consequences of what was said, with `lock` held and the message written."""
    for word in said:
        kind = ReachKind.UNREACHABLE if word.code in UNDELIVERABLE else ARRIVED.get(word.status)
        if kind is not None:
            inbound.learn_reach(
                contact=message.contact,
                account=message.account,
                business_number=message.business_number,
                kind=kind,
                at=word.at,
                now=now,
            )
    for word in said:
        if word.identity_hash:
            _show_hash(message, word, now)
        if word.code in MISMATCHES:
            identity.mismatch(message=message, now=now)
    for word in said:
        if word.code in MARKETING_STOPPED:
            inbound.stop_marketing(
                contact=message.contact,
                business=message.business,
                reference=f"Message:{message.pk}",
                at=word.at,
                now=now,
            )


def _show_hash(message: Message, word: Word, now: datetime) -> None:
    """Have a hash kept, and let identity decide whether this message's status makes it the trusted one."""
    identity.observe(
        contact=message.contact,
        account=message.account,
        business_number=message.business_number,
        hash=word.identity_hash,
        source=IdentityKey.Source.STATUS,
        reference=message.wamid,
        observed_at=word.at,
        now=now,
    )
    if word.status in ARRIVED:
        identity.adopt_from_status(message=message, hash=word.identity_hash, at=word.at, now=now)
