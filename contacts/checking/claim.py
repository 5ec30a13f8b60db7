"""Claiming: lock rows, ask the gate again under the consent lock, reserve budget, commit the attempt, then call."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Coalesce

from contacts.checking.facts import load, policy_for
from contacts.checking.marks import answer_from, record_refusals
from contacts.gate import Decision, Facts, Outcome, Reason, decide
from contacts.models import CheckBatch, ContactCheck
from providers import limits
from providers.interfaces import SEND_WITHIN, ContactChecker
from providers.models import ProviderAccount

#: What a lease allows beyond the call's own deadline: signing in, starting late, committing the answer.
LEASE_MARGIN = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Claim:
    """Rows whose attempt is committed: they may be asked about until `send_before`."""

    id: uuid.UUID
    asked: tuple[str, ...]
    claimed_at: datetime
    send_before: datetime


def claim_rows(*, batch: CheckBatch, account: ProviderAccount, checker: ContactChecker, now: datetime) -> Claim | None:
    """Claim the next rows of the run that may be asked about now, at most one call's worth; None where there are none.

    Rows that the gate now refuses, answers from the cache or lets wait are written so in the same transaction.
    """
    with transaction.atomic():
        rows = _next_rows(batch, checker, now)
        if not rows:
            return None
        decisions = _ask_the_gate(batch, account, checker, rows, now)
        refused = [row for row in rows if decisions[row.pk].outcome is Outcome.REFUSED]
        allowed = [row for row in rows if decisions[row.pk].outcome is Outcome.ALLOWED]
        for row in rows:
            _settle(row, decisions[row.pk], account, now)
        reservation = limits.reserve_budget(account, wanted=len(allowed), now=now) if allowed else None
        if reservation is not None and reservation.granted < len(allowed):
            _let_wait(allowed[reservation.granted :], Reason.BUDGET_SPENT, reservation.free_at)
            allowed = allowed[: reservation.granted]
        claim = _commit_attempt(allowed, decisions, checker, now) if allowed else None
        if refused:
            record_refusals(batch, refused, "waadmin", now)
    return claim


def _next_rows(batch: CheckBatch, checker: ContactChecker, now: datetime) -> list[ContactCheck]:
    due = (
        ContactCheck.objects.due(now)
        .filter(batch=batch)
        .select_related("contact")
        .order_by("next_attempt_at", "position")
        .select_for_update(skip_locked=True, of=("self",))
    )
    rows = list(due[: checker.batch_size])
    if not rows:
        return []
    # Rows of an array that failed whole travel in smaller arrays, and only with their like.
    limit = rows[0].array_limit
    alike = [row for row in rows if row.array_limit == limit]
    return alike[: limit or checker.batch_size]


def _ask_the_gate(
    batch: CheckBatch, account: ProviderAccount, checker: ContactChecker, rows: Sequence[ContactCheck], now: datetime
) -> dict[int, Decision]:
    contacts = [row.contact for row in rows if row.contact is not None]
    facts = load(contacts=contacts, business=batch.business, account=account, now=now, lock=True)
    fresh = policy_for(account=account, checker=checker, purpose=batch.purpose, force=batch.forced, now=now)
    # A number that is being checked already is asked about again for its own answer: no cache can hold that.
    again = replace(fresh, force=True)
    return {
        row.pk: decide(
            facts.get(row.contact_id or 0, Facts(e164=None)),
            again if row.status == ContactCheck.Status.PROCESSING else fresh,
            now,
        )
        for row in rows
    }


def _settle(row: ContactCheck, decision: Decision, account: ProviderAccount, now: datetime) -> None:
    if decision.outcome is Outcome.REFUSED:
        asked_before = row.status == ContactCheck.Status.PROCESSING
        # What was asked before consent ended has no answer and is not asked about again; the rest was never sent.
        row.status = ContactCheck.Status.UNKNOWN if asked_before else ContactCheck.Status.REFUSED
        if not asked_before:
            row.opt_in_id = None
        row.reason, row.next_attempt_at = decision.reason or "", None
        row.save(update_fields=["status", "opt_in", "reason", "next_attempt_at"])
    elif decision.outcome is Outcome.CACHED:
        answer_from(row, ContactCheck.objects.get(pk=decision.check_id or 0))
        row.save()
    elif decision.outcome is Outcome.WAITING:
        spent = decision.reason is Reason.BUDGET_SPENT
        until = limits.next_free_at(account, now) if spent else now + timedelta(minutes=1)
        _let_wait([row], decision.reason or Reason.ACCOUNT_PAUSED, until)


def _let_wait(rows: Sequence[ContactCheck], reason: Reason, until: datetime | None) -> None:
    ContactCheck.objects.filter(pk__in=[row.pk for row in rows]).update(reason=reason, next_attempt_at=until)


def _commit_attempt(
    rows: Sequence[ContactCheck], decisions: dict[int, Decision], checker: ContactChecker, now: datetime
) -> Claim:
    claim = Claim(uuid.uuid4(), tuple(row.asked for row in rows), now, now + SEND_WITHIN)
    for row in rows:
        if row.opt_in_id != decisions[row.pk].opt_in_id:
            ContactCheck.objects.filter(pk=row.pk).update(opt_in_id=decisions[row.pk].opt_in_id)
    pks = [row.pk for row in rows]
    ContactCheck.objects.filter(pk__in=pks).update(
        status=ContactCheck.Status.SENDING,
        claim=claim.id,
        first_asked_at=Coalesce("first_asked_at", Value(now)),
        lease_until=now + timedelta(seconds=checker.deadline) + LEASE_MARGIN,
        attempts=F("attempts") + 1,
        asks=F("asks") + 1,
        reason="",
        next_attempt_at=None,
    )
    return claim
