"""Statuses: kept one row each, reduced so that any order and any repetition of them end the same.

A status may come before the answer that names its message. It is kept, and joined when the wamid becomes known; until
both have met, nobody else may work on that wamid. A lost answer is never settled by a status: its wamid is unknown.
"""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import connection, transaction
from django.db.models import QuerySet

from contacts.erasure.names import was_erased
from contacts.inbound.reach import UNDELIVERABLE
from contacts.incoming import StatusError, StatusEvent
from contacts.messaging import consequences
from contacts.messaging.consequences import Word
from contacts.messaging.marks import record_event
from contacts.models import Contact, Message, MessageStatus
from numbers.models import BusinessNumber
from providers import e164
from providers.answers import Mask
from providers.models import ProviderAccount

FAILED = "failed"
_TIMES = {"sent": "sent_at", "delivered": "delivered_at", "read": "read_at", FAILED: "failed_at"}
LONGEST_STATUS, LONGEST_WAMID = 20, 200


class ForeignNumber(ValueError):
    """A status of a message came through another number than the one that sent it."""


@transaction.atomic
def record_status(
    *, account: ProviderAccount, business_number: BusinessNumber | None, event: StatusEvent, now: datetime
) -> str:
    """Keep a status and let it change its message, if that is known yet; give the person concerned.

    :raises ForeignNumber: when the message was not sent from this number.
    """
    lock_wamids(account.pk, [event.wamid])
    message = our_messages(account, [event.wamid]).first()
    if message is not None and message.business_number_id != (business_number.pk if business_number else None):
        raise ForeignNumber("A status of this message came through another number than the one that sent it.")
    error = _telling(event.errors)
    word = Word(event.at, event.status, event.identity_hash[:200], error.code if error else "")
    if message is None:
        if is_of_the_erased(event):
            return ""
        _keep(account, event, error, event.recipient, now)
        return ""
    consequences.lock(message, [word], now=now)
    row, was_there = _keep(account, event, error, message.contact.e164, now)
    reduce(message, [row])
    consequences.draw(message, [word], now=now)
    if row.status == FAILED and not was_there:
        record_event("message.undelivered", message, "waadmin", now, code=row.error_code, failed_at=row.at)
    return f"Contact:{message.contact_id}"


def early_statuses(message: Message, wamid: str) -> list[MessageStatus]:
    """Give the statuses that came before the answer which names the message; its wamid is locked from here on."""
    lock_wamids(message.account_id, [wamid])
    return list(MessageStatus.objects.filter(account_id=message.account_id, wamid=wamid).order_by("pk"))


def words_of(rows: Iterable[MessageStatus]) -> list[Word]:
    """Give what kept statuses say."""
    return [Word(row.at, row.status, row.identity_hash, row.error_code) for row in rows]


def our_messages(account: ProviderAccount, wamids: Sequence[str]) -> QuerySet[Message]:
    """Give the messages that went out under these wamids, with what their statuses concern."""
    return (
        Message.objects.filter(account=account, wamid__in=wamids, direction=Message.Direction.OUT)
        .select_related("contact", "business", "account", "business_number__business_account__business")
        .defer("body")
        .order_by("pk")
    )


def lock_wamids(account_id: int, wamids: Iterable[str]) -> None:
    """Let one transaction at a time work on each wamid, known or not: a status and the answer must not miss each other.

    SQLite has one writer at a time anyway.
    """
    if connection.vendor != "postgresql":
        return
    digests = (hashlib.sha256(f"{account_id} {wamid}".encode()).digest() for wamid in wamids)
    # In one order: two that share some of them must not wait for each other in a circle.
    keys = sorted({int.from_bytes(digest[:8], "big", signed=True) for digest in digests})
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(key) FROM unnest(%s::bigint[]) AS key", [keys])


def is_of_the_erased(event: StatusEvent) -> bool:
    """Tell whether an unknown message's recipient was erased and has not come back: its wamid holds their number."""
    if not was_erased(wa_id=event.recipient, bsuid=event.bsuid):
        return False
    number = f"+{event.recipient}"
    return not Contact.objects.filter(person_key=e164.person_key(number)).exists() if event.recipient else True


def _keep(
    account: ProviderAccount, event: StatusEvent, error: StatusError | None, person: str, now: datetime
) -> tuple[MessageStatus, bool]:
    """Keep the status, merged with what an earlier telling of it said; tell whether it was there."""
    identity_hash = event.identity_hash[:200]
    code, words = "", ""
    if error is not None:
        mask = Mask([], [event.recipient, person])
        code, words = error.code[:20], mask.words(": ".join(filter(None, (error.title, error.details))), limit=300)
    row, created = MessageStatus.objects.get_or_create(
        account=account,
        wamid=event.wamid[:LONGEST_WAMID],
        status=event.status[:LONGEST_STATUS],
        defaults={
            "at": event.at,
            "identity_hash": identity_hash,
            "error_code": code,
            "error_words": words,
            "received_at": now,
        },
    )
    if created:
        return row, False
    # Whichever telling comes first: the earliest time, and of two words the one that is smaller.
    row.at = min(row.at, event.at)
    row.identity_hash = _either(row.identity_hash, identity_hash)
    row.error_code, row.error_words = _smaller((row.error_code, row.error_words), (code, words))
    row.save(update_fields=["at", "identity_hash", "error_code", "error_words"])
    return row, True


def _either(one: str, other: str) -> str:
    return min(filter(None, (one, other)), default="")


def _smaller(one: tuple[str, str], other: tuple[str, str]) -> tuple[str, str]:
    return min((pair for pair in (one, other) if any(pair)), default=("", ""))


def _telling(errors: tuple[StatusError, ...]) -> StatusError | None:
    """Choose the error that has consequences, else the first."""
    weighty = consequences.MISMATCHES | consequences.MARKETING_STOPPED | UNDELIVERABLE
    return next((error for error in errors if error.code in weighty), errors[0] if errors else None)


def reduce(message: Message, rows: Iterable[MessageStatus], *, save: bool = True) -> bool:
    """Write the earliest time of each status into the message, and why it failed where the call did not say.

    Tell whether that changed the message; without `save` the caller writes it.
    """
    changed = []
    for row in rows:
        field = _TIMES.get(row.status)
        if field is None:
            continue
        known = getattr(message, field)
        if known is None or row.at < known:
            setattr(message, field, row.at)
            changed.append(field)
        if row.status == FAILED and message.state == Message.State.ACCEPTED:
            message.provider_code, message.provider_words = row.error_code, row.error_words[:200]
            changed += ["provider_code", "provider_words"]
    if changed and save:
        message.save(update_fields=changed)
    return bool(changed)
