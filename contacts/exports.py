"""What the tool that sends campaigns asks for: who may be messaged now, and who opted out since it last asked.

Both lists are read straight from the consent records, row by row in flat memory, and both leave two marks in the
ledger: that the list was asked for, before its first row, and how many rows it had.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Max

from audit import ledger
from audit.models import AuditEvent
from contacts import gate
from contacts.consent.state import load_grants, load_withdrawals
from contacts.models import Consent, Contact, OptIn
from providers.models import Business

#: A list of cleared numbers is true when it is made; a person may opt out a minute later.
CLEARED_FOR = timedelta(hours=24)
_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Cleared:
    """One person who may be messaged for a purpose, and the opt-in that allows it."""

    e164: str
    wa_id: str | None
    purpose: str
    opt_in_id: int
    given_at: datetime
    expires_at: datetime | None
    generated_at: datetime
    valid_until: datetime


@dataclass(frozen=True, slots=True)
class OptedOut:
    """One person who opted out, and the cursor to go on from once this row is dealt with."""

    e164: str
    business: str
    purposes: str
    withdrawn_at: datetime
    cursor: int


def cleared(*, business: Business, purpose: str, actor: str, now: datetime) -> Iterator[Cleared]:
    """Give everybody whom the gate allows for the purpose at `now`, by contact."""
    _mark("cleared_list.requested", actor, now, business=business, details={"purpose": purpose})
    rows = 0
    policy = gate.Policy(purpose=purpose)
    consents = Consent.objects.filter(business=business, status=Consent.Status.GRANTED, contact__restricted_at=None)
    consents = consents.select_related("contact")
    for consent in consents.order_by("contact_id").iterator(chunk_size=_AT_ONCE):
        contact = consent.contact
        grants = load_grants(consent.grants)
        facts = gate.Facts(
            e164=contact.e164,
            region=contact.region,
            grants=grants,
            withdrawals=load_withdrawals(consent.withdrawals),
        )
        decision = gate.decide(facts, policy, now)
        if decision.outcome is not gate.Outcome.ALLOWED:
            continue
        grant = grants[purpose]
        rows += 1
        yield Cleared(
            e164=contact.e164,
            wa_id=contact.wa_id,
            purpose=purpose,
            opt_in_id=grant.opt_in_id,
            given_at=grant.given_at,
            expires_at=grant.expires_at,
            generated_at=now,
            valid_until=now + CLEARED_FOR,
        )
    _mark("cleared_list.exported", actor, now, business=business, details={"purpose": purpose, "rows": rows})


def opted_out(*, since: int, actor: str, now: datetime) -> Iterator[OptedOut | int]:
    """Give every opt-out recorded after the cursor, in the order in which they were committed, then the next cursor.

    The cursor is a number of the ledger: opt-in ids are taken before they are committed, and a list that went by them
    would miss the opt-out that committed late. A cursor that is passed on early only brings some rows again.
    """
    _mark("opt_out_list.requested", actor, now, details={"since": since})
    until = AuditEvent.objects.aggregate(last=Max("sequence"))["last"] or 0
    rows = 0
    events = AuditEvent.objects.filter(
        action__in=["opt_in.withdrawn", "opt_ins.imported"], sequence__gt=since, sequence__lte=until
    )
    before = since
    for event in events.order_by("sequence").iterator(chunk_size=_AT_ONCE):
        held_back: OptedOut | None = None
        for row in _rows_of(event, before):
            if held_back is not None:
                yield held_back
            held_back = row
            rows += 1
        if held_back is not None:
            yield OptedOut(
                held_back.e164, held_back.business, held_back.purposes, held_back.withdrawn_at, event.sequence
            )
        before = event.sequence
    yield max(since, until)
    _mark("opt_out_list.exported", actor, now, details={"since": since, "until": until, "rows": rows})


def _rows_of(event: AuditEvent, cursor: int) -> Iterator[OptedOut]:
    """Give the opt-outs that one ledger entry recorded, all with the cursor before it."""
    subject = int(event.subject.partition(":")[2])
    if event.action == "opt_in.withdrawn":
        opt_ins = OptIn.objects.filter(pk=subject)
    elif event.details.get("withdrawn"):
        ids = event.details["first_opt_in"], event.details["last_opt_in"]
        opt_ins = OptIn.objects.filter(opt_in_import=subject, pk__range=ids, state=OptIn.State.WITHDRAWN)
    else:
        return
    some: list[OptIn] = []
    for opt_in in opt_ins.select_related("business").order_by("pk").iterator(chunk_size=_AT_ONCE):
        some.append(opt_in)
        if len(some) == _AT_ONCE:
            yield from _with_numbers(some, cursor)
            some = []
    yield from _with_numbers(some, cursor)


def _with_numbers(opt_ins: list[OptIn], cursor: int) -> Iterator[OptedOut]:
    """Add the numbers; a person who was erased has none any more and is left out."""
    numbers = dict(
        Contact.objects.filter(pseudonym__in=[opt_in.pseudonym for opt_in in opt_ins]).values_list("pseudonym", "e164")
    )
    for opt_in in opt_ins:
        if opt_in.pseudonym in numbers:
            yield OptedOut(numbers[opt_in.pseudonym], opt_in.business.name, opt_in.purposes, opt_in.given_at, cursor)


def _mark(
    action: str, actor: str, now: datetime, *, details: dict[str, str | int], business: Business | None = None
) -> None:
    with transaction.atomic():
        ledger.record(
            action=action,
            actor=actor,
            now=now,
            business_id=business.pk if business else None,
            subject=f"Business:{business.pk}" if business else "",
            details=details,
        )
