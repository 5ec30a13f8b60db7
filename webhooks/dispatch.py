"""Giving one event its effect: the one journey of its kind, in a transaction of its own, with its row locked.

A journey that is not there yet, a number that is not ours yet: the event waits and is tried again. What fails is kept
with the place where it failed. Two events never share a transaction, as each may lock the ledger's head, which comes
last: except for statuses that only tell a time, and lock nothing of the kind.
"""

import importlib
import logging
import traceback
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from django.db import IntegrityError, OperationalError, connection, transaction

from audit import log_context
from contacts.checking.marks import finish_the_done
from contacts.checking.results import record_callback
from contacts.erasure.vanishing import PersonVanished
from contacts.incoming import ContactAnswers, StatusEvent
from contacts.messaging.many_statuses import is_plain, record_statuses
from contacts.models import CheckBatch
from numbers.models import BusinessNumber
from providers.models import ProviderAccount
from webhooks.models import WebhookEvent
from webhooks.reading import Found
from webhooks.recipients import NotOurs, Recipients

logger = logging.getLogger(__name__)

Kind, Outcome = WebhookEvent.Kind, WebhookEvent.Outcome

#: Who takes an event of a kind: called with account, business_number, event and now, and gives what was concerned.
JOURNEYS: dict[str, str] = {
    Kind.MESSAGE: "contacts.inbound.receive_message",
    Kind.STATUS: "contacts.messages.record_status",
    Kind.SYSTEM: "contacts.identity.events.system_event",
    Kind.PREFERENCE: "contacts.inbound.record_preference",
    Kind.NUMBER: "numbers.sync.number_update",
    Kind.CONTACTS: "webhooks.dispatch.record_answers",
}
#: The journey whose plain events may be taken many at once: the time of a message is most of what a provider tells.
_OF_MANY = "contacts.messages.record_status"
#: Equal answers about numbers may be news, and recording them twice changes nothing.
_EVERY_TIME = {Kind.CONTACTS}
#: How many are taken together: so many locks one transaction holds, and so many it does in vain where one fails.
_AT_ONCE = 100
_ROOT = Path(__file__).resolve().parent.parent


class _Plain(NamedTuple):
    """One plain status, its row, and whose it is."""

    event: StatusEvent
    row: WebhookEvent
    account: ProviderAccount
    number: BusinessNumber | None


class NotHandledYet(LookupError):
    """No journey takes events of this kind yet."""


def take_together(reads: Sequence[tuple[Found, WebhookEvent, Recipients]], *, now: datetime) -> None:
    """Give plain statuses of one number their effect in one transaction, and leave everything else to `take`.

    Where that fails nothing of it happened, and each is taken by itself.
    """
    groups: dict[tuple[int, int], list[_Plain]] = defaultdict(list)
    for one, row, recipients in reads:
        if JOURNEYS.get(one.kind) != _OF_MANY or row.outcome != Outcome.WAITING or not is_plain(one.event):
            continue
        with suppress(NotOurs):
            account, number = recipients.of(one.event)
            groups[account.pk, number.pk if number else 0].append(_Plain(one.event, row, account, number))
    for group in groups.values():
        for start in range(0, len(group), _AT_ONCE):
            _take_group(group[start : start + _AT_ONCE], now)


def take(one: Found, row: WebhookEvent, recipients: Recipients, *, again: bool, now: datetime) -> bool:
    """Give one event its effect unless it had it, and let its row say so; False where the database did not let us.

    `again` gives one that failed another try.
    """
    if _is_settled(row, again=again):
        return True
    try:
        _take_whatever_vanishes(one, row, recipients, again=again, now=now)
    except (NotHandledYet, NotOurs) as reason:
        row.outcome, row.error = Outcome.WAITING, str(reason)[:300]
        _note(row, now)
    except OperationalError:
        if not connection.is_usable():
            raise
        # A deadlock, or a lock that was waited for too long: nothing of this event happened.
        return False
    except Exception as error:  # noqa: BLE001 - one event must not cost the others, whatever is wrong with it
        row.outcome, row.error = Outcome.FAILED, _place(error)[:300]
        with log_context.about(event=row.pk):
            logger.error("A webhook event failed: %s", row.error)
        _note(row, now)
    return True


def record_answers(*, account: ProviderAccount, business_number: None, event: ContactAnswers, now: datetime) -> str:
    """Close the rows of check runs that a node answers."""
    record_callback(account=account, results=event.results, now=now)
    finish_the_done(CheckBatch.objects.filter(account=account), now=now)
    return f"ProviderAccount:{account.pk}"


def _take_whatever_vanishes(
    one: Found, row: WebhookEvent, recipients: Recipients, *, again: bool, now: datetime
) -> None:
    """Take an event, and once more where the person was erased while it was taken: it then meets nobody."""
    try:
        _take(one, row, recipients, again=again, now=now)
    except (PersonVanished, IntegrityError):
        if connection.in_atomic_block:
            raise
        _take(one, row, recipients, again=again, now=now)


def _take(one: Found, row: WebhookEvent, recipients: Recipients, *, again: bool, now: datetime) -> None:
    """Lock the row, ask the journey, write the outcome: all of it or nothing."""
    if one.kind == Kind.UNKNOWN:
        row.outcome, row.error = Outcome.IGNORED, getattr(one.event, "why", "")[:300]
        _note(row, now)
        return
    account, number = recipients.of(one.event)
    journey = _journey(one.kind)
    with transaction.atomic():
        # Somebody else may have given it its effect since the row was read.
        row.outcome = WebhookEvent.objects.select_for_update().values_list("outcome", flat=True).get(pk=row.pk)
        if _is_settled(row, again=again):
            return
        subject = journey(account=account, business_number=number, event=one.event, now=now)
        row.outcome, row.error, row.subject, row.processed_at = Outcome.DONE, "", str(subject or "")[:80], now
        row.save(update_fields=["outcome", "error", "subject", "processed_at"])


def _take_group(group: Sequence[_Plain], now: datetime) -> None:
    rows = {one.row.pk: one.row for one in group}
    try:
        with transaction.atomic():
            locked = WebhookEvent.objects.select_for_update().filter(pk__in=rows, outcome=Outcome.WAITING)
            open_now = set(locked.order_by("pk").values_list("pk", flat=True))
            taken = [one for one in group if one.row.pk in open_now]
            events = [one.event for one in taken]
            account, number = group[0].account, group[0].number
            subjects = record_statuses(account=account, business_number=number, events=events, now=now)
            for one, subject in zip(taken, subjects, strict=True):
                one.row.outcome, one.row.error, one.row.subject, one.row.processed_at = Outcome.DONE, "", subject, now
            done = [one.row for one in taken]
            WebhookEvent.objects.bulk_update(done, ["outcome", "error", "subject", "processed_at"])
    except Exception as error:
        if not connection.is_usable():
            raise
        logger.info("%d webhook events are taken one by one: %s", len(group), type(error).__name__)
        for row in rows.values():
            row.outcome, row.subject, row.processed_at = Outcome.WAITING, "", None


def _note(row: WebhookEvent, now: datetime) -> None:
    """Write down why an event had no effect, unless it had it meanwhile."""
    row.processed_at = None if row.outcome == Outcome.WAITING else now
    WebhookEvent.objects.filter(pk=row.pk).exclude(outcome=Outcome.DONE).update(
        outcome=row.outcome, error=row.error, processed_at=row.processed_at
    )


def _is_settled(row: WebhookEvent, *, again: bool) -> bool:
    if row.outcome == Outcome.FAILED:
        return not again
    return row.outcome != Outcome.WAITING and row.kind not in _EVERY_TIME


def _journey(kind: str) -> Callable[..., str]:
    path = JOURNEYS.get(kind, "")
    module, _, name = path.rpartition(".")
    try:
        journey = getattr(importlib.import_module(module), name, None)
    except ModuleNotFoundError as error:
        # A journey that exists and lacks something of its own is a failure, not a journey to wait for.
        if not module.startswith(error.name or "-"):
            raise
        journey = None
    if journey is None:
        raise NotHandledYet("not handled yet")
    found: Callable[..., str] = journey
    return found


def _place(error: BaseException) -> str:
    """Give the error's class and where it was raised in our code; its text may hold what a person wrote."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if Path(frame.filename).is_relative_to(_ROOT) and ".venv" not in frame.filename]
    last = (ours or frames)[-1]
    file = Path(last.filename)
    shown = file.relative_to(_ROOT) if file.is_relative_to(_ROOT) else file.name
    return f"{type(error).__name__} at {shown}:{last.lineno}"
