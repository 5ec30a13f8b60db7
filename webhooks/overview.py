"""What the console shows of the front door: how it stands as a whole, and one request with each of its steps."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Max, Min
from django.utils.crypto import salted_hmac

from numbers.models import BusinessAccount
from providers.models import ProviderAccount
from providers.secret import Secret
from webhooks import meta, reading, signature, words
from webhooks.models import WebhookEvent, WebhookRequest

#: Longer bodies are shown in part: a page of megabytes helps nobody.
MOST_SHOWN = 100_000
_EVENTS_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Shown:
    """By what a person knows a secret again."""

    is_set: bool
    last_four: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class FieldSeen:
    """A webhook field: what it is for, and when it last came."""

    name: str
    words: object
    seen_at: datetime | None


@dataclass(frozen=True, slots=True)
class Backlog:
    """What is stored and not processed: how many are due, since when, how many wait for something, how many failed."""

    due: int
    oldest: datetime | None
    waiting: int
    failed: int


@dataclass(frozen=True, slots=True)
class Step:
    """One event of a request: what it says and what became of it."""

    said: Sequence[tuple[str, str]]
    kind: object
    field: str
    tone: str
    outcome: object
    row: WebhookEvent | None
    page: str


@dataclass(frozen=True, slots=True)
class Told:
    """A request as it can be shown: raw, parsed, event by event."""

    raw: str
    parsed: str
    is_cut: bool
    problem: str
    steps: Sequence[Step]
    more: int


def shown(secret: Secret) -> Shown:
    """Give the last four characters and a keyed fingerprint."""
    if not secret:
        return Shown(False, "", "")
    mark = salted_hmac("webhooks.fingerprint", secret.reveal(), algorithm="sha256").hexdigest()[:8]
    return Shown(True, secret.last_four(), mark)


def backlog(now: datetime) -> Backlog:
    """Count what is stored and not processed."""
    due = WebhookRequest.objects.due(now)
    return Backlog(
        due=due.count(),
        oldest=due.aggregate(oldest=Min("received_at"))["oldest"],
        waiting=WebhookRequest.objects.open().filter(due_at__gt=now).count(),
        failed=WebhookRequest.objects.failed().count(),
    )


def settings(now: datetime) -> dict[str, Any]:
    """Give all that the settings page shows."""
    seen = dict(
        WebhookEvent.objects.values("field").annotate(at=Max("request__received_at")).values_list("field", "at")
    )
    known = {name for name, _words in words.FIELDS}
    fields = [FieldSeen(name, text, seen.get(name)) for name, text in words.FIELDS]
    nodes = {"contacts", "statuses", "errors", "", reading.SELF_TEST}
    others = [FieldSeen(name, "", at) for name, at in sorted(seen.items()) if name not in known | nodes]
    return {
        "token": shown(meta.verify_token()),
        "secrets": [shown(secret) for secret in signature.app_secrets()],
        "backlog": backlog(now),
        "last": WebhookRequest.objects.filter(kind=WebhookRequest.Kind.META).order_by("-received_at").first(),
        "fields": fields,
        "others": others[:20],
        "wabas": BusinessAccount.objects.filter(account__kind=ProviderAccount.Kind.CLOUD_API).order_by("name", "pk"),
        "nodes": ProviderAccount.objects.filter(kind=ProviderAccount.Kind.ONPREM),
    }


def tell(request: WebhookRequest) -> Told:
    """Read a request's body for its page; nothing is processed."""
    if request.body is None:
        return Told("", "", False, "", _kept_steps(request), 0)
    raw = request.body.decode("utf-8", "replace")
    try:
        found = reading.read(
            kind=request.kind,
            account_id=request.account_id,
            digest=request.digest,
            body=request.body,
            received_at=request.received_at,
        )
        problem = ""
    except reading.Unreadable as error:
        found, problem = (), str(error)
    rows = {row.key: row for row in WebhookEvent.objects.filter(key__in=[one.key for one in found[:_EVENTS_SHOWN]])}
    steps = [_step(rows.get(one.key), one) for one in found[:_EVENTS_SHOWN]]
    cut = len(raw) > MOST_SHOWN
    return Told(raw[:MOST_SHOWN], _parsed(request.body), cut, problem, steps, len(found) - len(steps))


def _parsed(body: bytes) -> str:
    try:
        parsed = json.dumps(json.loads(body), indent=2, ensure_ascii=False)[:MOST_SHOWN]
    except (ValueError, RecursionError):
        return ""
    # Half a character cannot be sent to a browser: it is shown as it was escaped.
    return parsed.encode("utf-8", "backslashreplace").decode()


def _step(row: WebhookEvent | None, one: reading.Found) -> Step:
    outcome = row.outcome if row else WebhookEvent.Outcome.WAITING
    return Step(
        said=tuple(words.says(one.event)),
        kind=WebhookEvent.Kind(one.kind).label,
        field=one.field,
        tone=words.OUTCOME_TONES[outcome],
        outcome=WebhookEvent.Outcome(outcome).label,
        row=row,
        page=words.subject_page(row.subject) if row else "",
    )


def _kept_steps(request: WebhookRequest) -> list[Step]:
    """Give the steps of a request whose body is gone, from what stays."""
    return [
        Step(
            (),
            row.get_kind_display(),
            row.field,
            words.OUTCOME_TONES[row.outcome],
            row.get_outcome_display(),
            row,
            words.subject_page(row.subject),
        )
        for row in request.events.all()[:_EVENTS_SHOWN]
    ]
