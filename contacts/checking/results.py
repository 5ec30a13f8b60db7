"""Recording what came of a call: answers, failures, late callbacks, lost claims. Only who holds the claim records."""

import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Substr

from audit import ledger
from contacts.checking.claim import Claim
from contacts.checking.facts import strength_now
from contacts.checking.marks import ids_of, subject_of, tree
from contacts.gate import Reason
from contacts.models import CheckBatch, Contact, ContactCheck
from providers import accounts, errors, limits
from providers.interfaces import ContactChecker, ContactStatus, EvidenceStrength, NumberResult
from providers.models import AccountMeter, ProviderAccount
from providers.registry import contact_checker

#: Seconds after which a failed call is tried again; then the rows have failed, or the array is halved.
RETRY_AFTER = (1, 2, 4)
PROCESSING_LIMIT = timedelta(hours=24)
FIRST_POLL = timedelta(seconds=20)
LONGEST_POLL = timedelta(hours=1)
#: So many `valid` in a row, and the account proves nothing.
SAYS_YES_TO_EVERYONE = 1_000


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What one row becomes."""

    status: str
    reason: str = ""
    detail: str = ""
    wa_id: str | None = None
    next_attempt_at: datetime | None = None


def record_answers(
    *,
    batch: CheckBatch,
    account: ProviderAccount,
    checker: ContactChecker,
    claim: Claim,
    results: Sequence[NumberResult],
    strength: EvidenceStrength,
    now: datetime,
) -> None:
    """Write the provider's answers to the rows that this claim still holds; rows without an answer are UNKNOWN."""
    by_asked = {result.asked: result for result in results}

    def verdict(row: ContactCheck) -> _Verdict:
        result = by_asked.get(row.asked, NumberResult(row.asked, ContactStatus.UNKNOWN, detail=""))
        return _verdict_of(result, row, checker.polls, now)

    with transaction.atomic():
        rows = _held_rows(claim.id)
        _write(rows, verdict, strength, now)
        if strength is EvidenceStrength.STRONG:
            _count_valid_in_a_row(account, rows, now)
        _record_event("check.answered", batch, rows, now)


def record_failure(
    *, batch: CheckBatch, account: ProviderAccount, claim: Claim, error: errors.ProviderError, now: datetime
) -> None:
    """Write what a call without result means for its rows, and for the account where every call would repeat it."""
    unasked = isinstance(error, errors.NotSent | errors.Throttled | errors.AccountRefused | errors.NotConfigured)
    with transaction.atomic():
        rows = _held_rows(claim.id)
        if isinstance(error, errors.Throttled):
            _let_go(rows, Reason.POSTPONED, now + error.retry_after)
            limits.postpone(account, until=now + error.retry_after)
        elif isinstance(error, errors.AccountRefused | errors.NotConfigured):
            _let_go(rows, Reason.ACCOUNT_PAUSED, now)
        elif isinstance(error, errors.AnswerLost):
            _write(rows, lambda row: _Verdict("UNKNOWN", Reason.ANSWER_LOST, error.message), None, now)
        else:
            _retry_halve_or_fail(rows, error, now)
        if unasked and rows:
            limits.release_budget(account, count=len(rows), asked_at=claim.claimed_at)
        if isinstance(error, errors.AccountRefused | errors.NotConfigured):
            words = f"{error.message} ({error.code})" if error.code else error.message
            accounts.pause(account=account, reason=words, actor="waadmin", now=now)
        _record_event("check.failed", batch, rows, now, error=type(error).__name__, code=error.code[:60])


def record_callback(*, account: ProviderAccount, results: Iterable[NumberResult], now: datetime) -> int:
    """Close the rows that a callback answers, joined on account and exact input, and give how many.

    A callback may come before the answer that announced it: rows still being asked are closed too, and the later
    answer then finds them closed.
    """
    by_asked = {result.asked: result for result in results if result.status is not ContactStatus.PROCESSING}
    with transaction.atomic():
        rows = list(
            ContactCheck.objects.filter(account=account, asked__in=by_asked, status__in=["SENDING", "PROCESSING"])
            .select_for_update(of=("self",))
            .select_related("contact", "batch")
            .order_by("pk")
        )
        if not rows:
            return 0
        strength = strength_now(account, contact_checker(account))
        _write(rows, lambda row: _verdict_of(by_asked[row.asked], row, False, now), strength, now)
        if strength is EvidenceStrength.STRONG:
            _count_valid_in_a_row(account, rows, now)
        for batch in sorted({row.batch for row in rows}, key=lambda batch: batch.pk):
            _record_event("check.answered", batch, [row for row in rows if row.batch_id == batch.pk], now)
    return len(rows)


def close_lost(*, now: datetime) -> None:
    """Close rows whose claim died with its process, and rows that a provider never finished."""
    with transaction.atomic():
        dead = list(_locked(ContactCheck.objects.filter(status="SENDING", lease_until__lte=now), "contact", "batch"))
        _write(dead, lambda row: _Verdict("UNKNOWN", Reason.ANSWER_LOST), None, now)
        unfinished = ContactCheck.objects.filter(status="PROCESSING", first_asked_at__lte=now - PROCESSING_LIMIT)
        stale = list(_locked(unfinished, "contact", "batch"))
        _write(stale, lambda row: _Verdict("UNKNOWN", Reason.NEVER_FINISHED), None, now)
        for batch in sorted({row.batch for row in dead + stale}, key=lambda batch: batch.pk):
            _record_event("check.lost", batch, [row for row in dead + stale if row.batch_id == batch.pk], now)


def _held_rows(claim_id: uuid.UUID) -> list[ContactCheck]:
    return list(_locked(ContactCheck.objects.filter(claim=claim_id, status=ContactCheck.Status.SENDING), "contact"))


def _locked(rows: Any, *along: str) -> Any:
    return rows.select_for_update(of=("self",)).select_related(*along).order_by("pk")


def _verdict_of(result: NumberResult, row: ContactCheck, polls: bool, now: datetime) -> _Verdict:
    words = " ".join(filter(None, (result.code, result.detail)))[:300]
    if result.status is ContactStatus.PROCESSING:
        if now - (row.first_asked_at or now) >= PROCESSING_LIMIT:
            return _Verdict("UNKNOWN", Reason.NEVER_FINISHED, words)
        again = now + min(FIRST_POLL * 2 ** max(0, row.asks - 1), LONGEST_POLL) if polls else None
        return _Verdict("PROCESSING", detail=words, next_attempt_at=again)
    if result.status is ContactStatus.UNKNOWN:
        return _Verdict("UNKNOWN", Reason.NOT_ANSWERED, words)
    if result.status is ContactStatus.FAILED:
        return _Verdict("FAILED", Reason.PROVIDER_ERROR, words)
    return _Verdict(str(result.status), detail=words, wa_id=result.wa_id if result.status == "VALID" else None)


def _retry_halve_or_fail(rows: Sequence[ContactCheck], error: errors.ProviderError, now: datetime) -> None:
    words = " ".join(filter(None, (error.code, error.message)))[:300]
    retryable = isinstance(error, errors.NotSent | errors.Unavailable)
    attempts = max((row.attempts for row in rows), default=0)
    if retryable and attempts <= len(RETRY_AFTER):
        wait = timedelta(seconds=RETRY_AFTER[attempts - 1])
        _write(rows, lambda row: _Verdict("WAITING", Reason.RETRYING, words, None, now + wait), None, now)
    elif len(rows) > 1 and not isinstance(error, errors.NotSent):
        # One number must not sink the others: both halves are asked once more, down to the number that is refused.
        _write(rows, lambda row: _Verdict("WAITING", Reason.RETRYING, words, None, now), None, now)
        half = -(-len(rows) // 2)
        ContactCheck.objects.filter(pk__in=[row.pk for row in rows]).update(array_limit=half, attempts=len(RETRY_AFTER))
    else:
        _write(rows, lambda row: _Verdict("FAILED", Reason.PROVIDER_ERROR, words), None, now)


def _let_go(rows: Sequence[ContactCheck], reason: Reason, until: datetime) -> None:
    """Put rows back as they were before an attempt that nobody answered."""
    _write(rows, lambda row: _Verdict("WAITING", reason, "", None, until), None, until)
    ContactCheck.objects.filter(pk__in=[row.pk for row in rows]).update(attempts=F("attempts") - 1, asks=F("asks") - 1)


def _write(
    rows: Sequence[ContactCheck],
    verdict: Callable[[ContactCheck], _Verdict],
    strength: EvidenceStrength | None,
    now: datetime,
) -> None:
    """Write each row's verdict, one statement for all rows that become the same."""
    alike: dict[tuple[_Verdict, bool], list[ContactCheck]] = defaultdict(list)
    for row in rows:
        became = verdict(row)
        # Most wa_ids are the digits that were asked: the database then takes them from there, for all rows at once.
        plain = became.wa_id == row.e164[1:]
        key = _Verdict(
            became.status, became.reason, became.detail, None if plain else became.wa_id, became.next_attempt_at
        )
        alike[(key, plain)].append(row)
        row.status, row.reason, row.detail, row.wa_id = became.status, became.reason, became.detail, became.wa_id
    for (became, plain), some in alike.items():
        answered = became.status in ("VALID", "INVALID")
        changes: dict[str, Any] = {
            "status": became.status,
            "reason": became.reason,
            "detail": became.detail,
            "next_attempt_at": became.next_attempt_at,
            "lease_until": None,
        }
        if answered:
            changes |= {"checked_at": now, "strength": strength or ""}
        pks = [row.pk for row in some]
        contacts = Contact.objects.filter(pk__in=[row.contact_id for row in some])
        if plain:
            changes["wa_id"] = Substr("e164", 2)
            contacts.update(wa_id=Substr("e164", 2))
        elif became.wa_id is not None:
            changes["wa_id"] = became.wa_id
            contacts.update(wa_id=became.wa_id)
        ContactCheck.objects.filter(pk__in=pks).update(**changes)


def _count_valid_in_a_row(account: ProviderAccount, rows: Sequence[ContactCheck], now: datetime) -> None:
    """Count `valid` answers without one `invalid` between them, and mark an account that says yes to everyone."""
    answered = [row.status for row in rows if row.status in ("VALID", "INVALID")]
    if not answered:
        return
    meter, _created = AccountMeter.objects.select_for_update().get_or_create(account=account)
    since = len(answered) - 1 - answered[::-1].index("INVALID") if "INVALID" in answered else None
    if since is None:
        meter.valid_in_a_row += len(answered)
    else:
        meter.valid_in_a_row = len(answered) - 1 - since
    if meter.valid_in_a_row >= SAYS_YES_TO_EVERYONE and meter.marked_weak_at is None:
        meter.marked_weak_at = now
    meter.save(update_fields=["valid_in_a_row", "marked_weak_at"])


def _record_event(action: str, batch: CheckBatch, rows: Sequence[ContactCheck], now: datetime, **details: str) -> None:
    if rows:
        ledger.record(
            action=action,
            actor="waadmin",
            now=now,
            business_id=batch.business_id,
            subject=subject_of(batch),
            details={"statuses": dict(Counter(str(row.status) for row in rows)), "checks": ids_of(rows), **details},
            rows=tree(rows),
        )
