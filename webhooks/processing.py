"""Thinking later: stored webhooks are processed from their raw bytes, as often as needed, with the same end.

Some requests are read together, so that finding and writing down their events costs a few statements for all of them;
each event then has its effect by itself (webhooks/dispatch.py).
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from providers.encryption import WrongEncryptionKey
from webhooks import dispatch, reading
from webhooks.models import WebhookEvent, WebhookRequest
from webhooks.reading import Found
from webhooks.recipients import Known, Recipients

Outcome = WebhookEvent.Outcome

#: An event that waits for something is tried again after a quarter of its age, within these bounds.
_SOONEST, _LATEST = timedelta(minutes=1), timedelta(hours=1)
_BRIEFLY = timedelta(seconds=5)
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class _Read:
    """A request and the events found in it."""

    request: WebhookRequest
    found: Sequence[Found]


def process(*, request_id: int, now: datetime, until: datetime | None = None, again: bool = False) -> bool:
    """Process one stored webhook and tell whether all of it was read; `again` gives failed events another try."""
    return process_some(request_ids=[request_id], now=now, until=until, again=again) == 1


def process_some(
    *, request_ids: Sequence[int], now: datetime, until: datetime | None = None, again: bool = False
) -> int:
    """Process stored webhooks and give how many of them were read whole.

    It stops between two events when `until` is reached; what is left is due again soon.
    """
    reads = [read for request in _load(request_ids) if (read := _read(request)) is not None]
    rows = _rows_of(reads)
    known: Known = {}
    done: list[WebhookRequest] = []
    whose = [Recipients(read.request, known) for read in reads]
    dispatch.take_together(
        [(one, rows[one.key], who) for read, who in zip(reads, whose, strict=True) for one in read.found], now=now
    )
    for read, recipients in zip(reads, whose, strict=True):
        ended = []
        for one in read.found:
            if until is not None and datetime.now(until.tzinfo) >= until:
                break
            if dispatch.take(one, rows[one.key], recipients, again=again, now=now):
                ended.append(rows[one.key])
        if _settle(read.request, ended, postponed=len(ended) < len(read.found), now=now):
            done.append(read.request)
    _end_processed(done, now)
    return len(done)


def _load(request_ids: Sequence[int]) -> Iterator[WebhookRequest]:
    """Give the requests with their bodies; one whose body no key fits says so in its row and is left out."""
    try:
        found = WebhookRequest.objects.in_bulk(request_ids)
    except WrongEncryptionKey as error:
        if len(request_ids) > 1:
            for request_id in request_ids:
                yield from _load([request_id])
        else:
            _end(WebhookRequest.objects.defer("body").get(pk=request_ids[0]), error=str(error))
        return
    yield from (found[request_id] for request_id in request_ids if request_id in found)


def _read(request: WebhookRequest) -> _Read | None:
    """Read one body; None where it cannot be read, which its row then says."""
    try:
        if request.body is None:
            raise reading.Unreadable("Not read: its body was removed when its time was over.")
        found = reading.read(
            kind=request.kind,
            account_id=request.account_id,
            digest=request.digest,
            body=request.body,
            received_at=request.received_at,
        )
    except reading.Unreadable as error:
        _end(request, error=str(error))
        return None
    return _Read(request, found)


def _rows_of(reads: Sequence[_Read]) -> dict[str, WebhookEvent]:
    """Give the row of each event, by its key, and add those that are missing.

    They are added in the order of their keys, so that two processes never wait for each other in a circle.
    """
    wanted = {
        one.key: WebhookEvent(request=read.request, position=place, kind=one.kind, field=one.field, key=one.key)
        for read in reversed(reads)
        for place, one in enumerate(read.found)
    }
    keys = sorted(wanted)
    rows: dict[str, WebhookEvent] = {}
    for start in range(0, len(keys), _AT_ONCE):
        some = keys[start : start + _AT_ONCE]
        WebhookEvent.objects.bulk_create([wanted[key] for key in some], ignore_conflicts=True)
        rows.update((row.key, row) for row in WebhookEvent.objects.filter(key__in=some))
    return rows


def _settle(request: WebhookRequest, rows: Sequence[WebhookEvent], *, postponed: bool, now: datetime) -> bool:
    """Write down how the request stands unless all of it was read, and tell whether it was."""
    if others := {row.request_id for row in rows} - {request.pk}:
        _settle_failed(others, now)
    outcomes = Counter(row.outcome for row in rows)
    if postponed:
        _end(request, due_at=now + _BRIEFLY)
    elif outcomes[Outcome.WAITING]:
        _end(request, due_at=now + min(max((now - request.received_at) / 4, _SOONEST), _LATEST))
    elif outcomes[Outcome.FAILED]:
        _end(request, error=f"{outcomes[Outcome.FAILED]} of {len(rows)} events failed.")
    else:
        return True
    return False


def _settle_failed(request_ids: set[int], now: datetime) -> None:
    """Settle requests that had failed and whose events were read by another one that repeats them."""
    for other in WebhookRequest.objects.failed().filter(pk__in=request_ids).defer("body"):
        rows = other.events.all()
        if rows.exists() and not rows.exclude(outcome__in=[Outcome.DONE, Outcome.IGNORED]).exists():
            _end(other, processed_at=now)


def _end_processed(requests: Sequence[WebhookRequest], now: datetime) -> None:
    """Write that these were read whole: Meta's in one statement, as the same bytes again say nothing new."""
    of_meta = [request.pk for request in requests if request.kind == WebhookRequest.Kind.META]
    if of_meta:
        WebhookRequest.objects.filter(pk__in=of_meta).update(processed_at=now, error="", attempts=0)
    for request in requests:
        if request.kind != WebhookRequest.Kind.META:
            _end(request, processed_at=now)


def _end(
    request: WebhookRequest, *, error: str = "", processed_at: datetime | None = None, due_at: datetime | None = None
) -> None:
    """Write the request's state, unless the same bytes were delivered meanwhile: then it is due again."""
    changes: dict[str, object] = {"error": error[:300], "processed_at": processed_at, "attempts": 0}
    if due_at is not None:
        changes["due_at"] = due_at
    if not WebhookRequest.objects.filter(pk=request.pk, deliveries=request.deliveries).update(**changes):
        WebhookRequest.objects.filter(pk=request.pk).update(attempts=0, due_at=request.received_at)
