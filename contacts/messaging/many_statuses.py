"""Many plain statuses at once: a business that sends gets three of them a message, and nearly all only tell a time.

A status is plain where it changes neither consent nor trust: it has no error and brings no identity. The end is the
same as if each had been recorded by itself (statuses.py); where anything is wrong with one, that is how it is done.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypeGuard

from django.db import transaction

from contacts import inbound
from contacts.incoming import Event, StatusEvent
from contacts.messaging.consequences import ARRIVED
from contacts.messaging.statuses import (
    FAILED,
    LONGEST_STATUS,
    LONGEST_WAMID,
    ForeignNumber,
    is_of_the_erased,
    lock_wamids,
    our_messages,
    reduce,
)
from contacts.models import ErasedName, Message, MessageStatus, Reach
from numbers.models import BusinessNumber
from providers.models import ProviderAccount

_CHANGED = ("sent_at", "delivered_at", "read_at")
_Key = tuple[str, str]


def is_plain(event: Event) -> TypeGuard[StatusEvent]:
    """Tell whether the event is a status that only tells a time."""
    return isinstance(event, StatusEvent) and not event.errors and not event.identity_hash and event.status != FAILED


def record_statuses(
    *,
    account: ProviderAccount,
    business_number: BusinessNumber | None,
    events: Sequence[StatusEvent],
    now: datetime,
) -> list[str]:
    """Keep plain statuses and let them change their messages; give the person concerned by each, as far as known.

    Locks come in one order for whoever does this at the same time: wamids, messages, then what is known of people.

    :raises ForeignNumber: when one of the messages was not sent from this number; then nothing was kept.
    """
    with transaction.atomic():
        lock_wamids(account.pk, [event.wamid for event in events])
        known = {message.wamid: message for message in our_messages(account, [event.wamid for event in events])}
        number_id = business_number.pk if business_number else None
        if any(message.business_number_id != number_id for message in known.values()):
            raise ForeignNumber("One of these messages was sent from another number than its status came through.")
        rows = _keep(account, _without_the_erased(events, known), now)
        _write_times(known, rows)
        _learn(known, events, account, business_number, now)
    return [f"Contact:{known[event.wamid].contact_id}" if event.wamid in known else "" for event in events]


def _without_the_erased(events: Sequence[StatusEvent], known: Mapping[str, Message]) -> list[StatusEvent]:
    """Leave out what nobody may keep: an unknown wamid of somebody who was erased."""
    if not ErasedName.objects.exists():
        return list(events)
    return [event for event in events if event.wamid in known or not is_of_the_erased(event)]


def _keep(account: ProviderAccount, events: Sequence[StatusEvent], now: datetime) -> dict[_Key, MessageStatus]:
    """Keep each status once, with the earliest time that was told; their wamids are locked."""
    told: dict[_Key, StatusEvent] = {}
    for event in events:
        key = event.wamid[:LONGEST_WAMID], event.status[:LONGEST_STATUS]
        if key not in told or event.at < told[key].at:
            told[key] = event
    kept = MessageStatus.objects.filter(account=account, wamid__in={wamid for wamid, _status in told})
    rows = {key: row for row in kept if (key := (row.wamid, row.status)) in told}
    earlier = [row for key, row in rows.items() if told[key].at < row.at]
    for row in earlier:
        row.at = told[row.wamid, row.status].at
    MessageStatus.objects.bulk_update(earlier, ["at"])
    new = [
        MessageStatus(account=account, wamid=key[0], status=key[1], at=event.at, received_at=now)
        for key, event in told.items()
        if key not in rows
    ]
    MessageStatus.objects.bulk_create(new)
    return rows | {(row.wamid, row.status): row for row in new}


def _write_times(known: dict[str, Message], rows: dict[_Key, MessageStatus]) -> None:
    """Write the earliest time of each status into the messages."""
    said = defaultdict(list)
    for (wamid, _status), row in rows.items():
        said[wamid].append(row)
    changed = [message for wamid, message in known.items() if reduce(message, said[wamid], save=False)]
    Message.objects.bulk_update(sorted(changed, key=lambda message: message.pk), _CHANGED)


def _learn(
    known: dict[str, Message],
    events: Sequence[StatusEvent],
    account: ProviderAccount,
    business_number: BusinessNumber | None,
    now: datetime,
) -> None:
    """Learn from the latest arrival at each person that they were reached, unless that much is known."""
    latest: dict[int, tuple[datetime, StatusEvent]] = {}
    for event in events:
        if event.wamid not in known or event.status not in ARRIVED:
            continue
        contact_id, at = known[event.wamid].contact_id, min(event.at, now)
        if contact_id not in latest or latest[contact_id][0] < at:
            latest[contact_id] = at, event
    reached = Reach.objects.filter(contact_id__in=latest, account=account, business_number=business_number)
    # What is there already only ever grows, so whoever changes it meanwhile makes this no less true.
    settled = {
        row.contact_id
        for row in reached
        if row.unreachable_since is None and row.reached_at is not None and row.reached_at >= latest[row.contact_id][0]
    }
    for contact_id in sorted(latest.keys() - settled):
        at, event = latest[contact_id]
        inbound.learn_reach(
            contact=known[event.wamid].contact,
            account=account,
            business_number=business_number,
            kind=ARRIVED[event.status],
            at=at,
            now=now,
        )
