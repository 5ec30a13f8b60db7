"""Draining: reading stored webhooks until none is due. Any number may drain at once; each claims what it reads.

A task costs more than the row that it would announce, so there is none for each webhook. The first slot's task is
queued when its lease has run out, and looks around for a while before it ends; a second one joins when much waits.
"""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Length
from django_q.tasks import async_task

from webhooks import processing
from webhooks.models import DrainLease, WebhookRequest

#: How long a slot's task may be silent, or wait in the queue, before another one is queued.
LEASE = timedelta(seconds=60)
#: How long a claimed request belongs to its drain.
CLAIM = timedelta(minutes=2)
#: Seconds without work after which a drain ends: longer than receive.WAKE_EVERY, so that it sees what nobody announced.
LINGER = 1.0
_POLL = 0.05
#: Requests claimed at a time, and how many waiting ones call for the second slot.
_AT_ONCE = 50
_MUCH = 200
#: Bytes of bodies that are read together, as stored.
_LARGEST = 8 * 1024 * 1024
_MOST_ATTEMPTS = 5


def clock() -> datetime:
    """Give the time."""
    return datetime.now(UTC)


def wake(*, now: datetime, slot: int = 0) -> bool:
    """Queue the slot's task unless one is under way or queued; tell whether it was queued."""
    with transaction.atomic():
        taken = DrainLease.objects.filter(slot=slot, until__lte=now).update(until=now + LEASE)
        if not taken:
            _lease, taken = DrainLease.objects.get_or_create(slot=slot, defaults={"until": now + LEASE})
        if taken:
            async_task("webhooks.tasks.drain", slot)
    return bool(taken)


def drain(*, slot: int, until: datetime, linger: float = LINGER, clock: Callable[[], datetime] = clock) -> int:
    """Read stored webhooks until nothing has been due for a while or `until` is reached; give how many were read."""
    handled, worked_at = 0, time.monotonic()
    _keep(slot, clock() + LEASE)
    while (now := clock()) < until:
        claimed = claim(now=now)
        if claimed:
            if len(claimed) == _AT_ONCE and slot == 0 and WebhookRequest.objects.due(now)[_MUCH:].exists():
                wake(now=now, slot=1)
            processing.process_some(request_ids=claimed, now=now, until=until)
            handled += len(claimed)
            worked_at = time.monotonic()
            _keep(slot, clock() + LEASE)
        elif time.monotonic() - worked_at < linger:
            time.sleep(_POLL)
        else:
            _keep(slot, now)
            # Who saw the lease run woke nobody, and may be committing still.
            time.sleep(linger / 4)
            if not WebhookRequest.objects.due(clock()).exists():
                return handled
            worked_at = time.monotonic()
    _keep(slot, clock())
    if WebhookRequest.objects.due(clock()).exists():
        wake(now=clock(), slot=slot)
    return handled


def claim(*, now: datetime) -> list[int]:
    """Take the oldest due requests for a while, and give their keys; set those aside that ended whoever read them."""
    with transaction.atomic():
        rows = WebhookRequest.objects.due(now).order_by("due_at", "id").select_for_update(skip_locked=True)
        found = list(rows.values_list("pk", "attempts", Length("body"))[:_AT_ONCE])
        deadly = [pk for pk, attempts, _size in found if attempts >= _MOST_ATTEMPTS]
        if deadly:
            WebhookRequest.objects.filter(pk__in=deadly).update(
                error=f"Not read: its processing was begun {_MOST_ATTEMPTS} times and never ended."
            )
        # One that was begun before and never ended is read alone: it must not take its neighbours with it again.
        suspects = [pk for pk, attempts, _size in found if 0 < attempts < _MOST_ATTEMPTS]
        claimed = suspects[:1] or _within(_LARGEST, [(pk, size) for pk, attempts, size in found if attempts == 0])
        if claimed:
            WebhookRequest.objects.filter(pk__in=claimed).update(due_at=now + CLAIM, attempts=F("attempts") + 1)
    return claimed


def _within(most: int, sizes: Sequence[tuple[int, int | None]]) -> list[int]:
    """Give the first of these that together are no larger than `most`, and always one."""
    taken: list[int] = []
    total = 0
    for pk, size in sizes:
        total += size or 0
        if taken and total > most:
            break
        taken.append(pk)
    return taken


def _keep(slot: int, until: datetime) -> None:
    DrainLease.objects.update_or_create(slot=slot, defaults={"until": until})
