"""Suggestions: what people wrote that may mean consent or its end, each with a due date, for one of us to decide.

Nothing here grants or withdraws by itself; `decide` does it in the name of the person who read the words.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from audit import ledger
from audit.retention import let_go
from contacts import opt_ins
from contacts.consent.evidence import Evidence
from contacts.consent.locking import lock_person
from contacts.inbound.texts import words_of
from contacts.models import Contact, Message, Suggestion
from contacts.people import known_as
from providers import e164
from providers.models import Business

#: A wish to be left alone is urgent; a wish to hear from us is not.
DUE_AFTER = {Suggestion.Kind.OPT_OUT: timedelta(days=2), Suggestion.Kind.OPT_IN: timedelta(days=14)}
SOURCE = "WhatsApp message"


class SuggestionRefused(ValueError):
    """The suggestion cannot be decided so; the message names the rule and the next step."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What a person adds to record an opt-in: the words alone do not say what was agreed to."""

    business_name_shown: str
    purposes: tuple[str, ...] = ()


def suggest(
    *,
    kind: Suggestion.Kind,
    business: Business,
    reference: str,
    at: datetime,
    now: datetime,
    contact: Contact | None = None,
    message: Message | None = None,
    bsuid: str = "",
    words: str = "",
) -> Suggestion:
    """Open a suggestion, once for one event; `words` are kept here only where no message row holds them."""
    suggestion, created = Suggestion.objects.get_or_create(
        reference=reference,
        defaults={
            "kind": kind,
            "contact": contact,
            "business": business,
            "message": message,
            "bsuid": bsuid,
            "words": words.encode() if words and message is None else None,
            "opened_at": min(at, now),
            "due_at": min(at, now) + DUE_AFTER[kind],
        },
    )
    if created:
        _record("suggestion.opened", suggestion, "waadmin", now)
    return suggestion


def open_suggestions() -> QuerySet[Suggestion]:
    """Give what waits for a decision, the most urgent first; nothing waits that restricted people wrote."""
    return (
        Suggestion.objects.filter(decided_at=None, contact__restricted_at=None)
        .select_related("contact", "business", "message")
        .order_by("due_at", "pk")
    )


def decide(
    *,
    suggestion: Suggestion,
    accept: bool,
    actor: str,
    now: datetime,
    number: e164.Number | None = None,
    proof: Proof | None = None,
) -> opt_ins.Recorded | None:
    """Record what the person meant, or dismiss it. `number` says who it is where only a BSUID is known.

    Commits and returns at once; whoever recorded an opt-out for a person then calls `opt_ins.wait_for_calls`.

    :raises SuggestionRefused: when somebody decided already, or who or what is meant is missing.
    :raises OptInRefused: when an opt-in would prove nothing.
    """
    with transaction.atomic():
        people = _people(suggestion)
        lock_person(contacts=people, businesses=[suggestion.business], now=now)
        locked = Suggestion.objects.select_for_update().get(pk=suggestion.pk)
        if locked.decided_at is not None:
            raise SuggestionRefused(_("Somebody has decided this already."))
        recorded = None
        if accept:
            numbers = [e164.Number(person.e164, person.region) for person in people] or ([number] if number else [])
            if not numbers:
                raise SuggestionRefused(
                    _("Only a business-scoped user id is known of this person. Enter the number that it belongs to.")
                )
            if locked.kind == Suggestion.Kind.OPT_OUT:
                recorded, *_others = [_withdraw(locked, one, actor, now) for one in numbers]
            else:
                recorded = _grant(locked, numbers[0], proof, actor, now)
        locked.decided_at, locked.decided_by = now, actor
        locked.outcome = Suggestion.Outcome.RECORDED if accept else Suggestion.Outcome.DISMISSED
        locked.save(update_fields=["decided_at", "decided_by", "outcome"])
        _record("suggestion.recorded" if accept else "suggestion.dismissed", locked, actor, now)
    return recorded


def unknown_until_now(bsuid: str) -> list[Suggestion]:
    """Give what waits from a BSUID that belonged to nobody known when it wrote."""
    if not bsuid:
        return []
    unknown = Suggestion.objects.filter(bsuid=bsuid, contact=None, decided_at=None)
    return list(unknown.select_related("business").order_by("pk"))


def attach(suggestions: Sequence[Suggestion], contact: Contact) -> None:
    """Say whom suggestions are from, now that it is known."""
    if suggestions:
        Suggestion.objects.filter(pk__in=[one.pk for one in suggestions], contact=None).update(contact=contact)


def evidence_of(suggestion: Suggestion) -> str:
    """Give what was written, with what names it, as the evidence of a consent event."""
    said = words_of(suggestion)
    return f"“{said}” (WhatsApp, {suggestion.reference})" if said else f"WhatsApp, {suggestion.reference}"


def forget_words(*, before: datetime, now: datetime) -> int:
    """Remove the words of suggestions that are older than retention allows; give how many there were."""
    old = Suggestion.objects.filter(opened_at__lt=before, words__isnull=False)
    return let_go(old, action="suggestion.words_removed", now=now, change={"words": None})


def _people(suggestion: Suggestion) -> list[Contact]:
    people = {suggestion.contact.pk: suggestion.contact} if suggestion.contact else {}
    people |= {person.pk: person for person in known_as(suggestion.bsuid)}
    return [people[pk] for pk in sorted(people)]


def _withdraw(suggestion: Suggestion, number: e164.Number, actor: str, now: datetime) -> opt_ins.Recorded:
    return opt_ins.withdraw(
        number=number,
        business=suggestion.business,
        actor=actor,
        now=now,
        source=SOURCE,
        reason=evidence_of(suggestion),
        # From now on and not from when it was written: the person who decides says that it stands.
        given_at=now,
    )


def _grant(
    suggestion: Suggestion, number: e164.Number, proof: Proof | None, actor: str, now: datetime
) -> opt_ins.Recorded:
    if proof is None:
        raise SuggestionRefused(_("Say which name of the business the person saw, and what they agreed to."))
    return opt_ins.record(
        number=number,
        business=suggestion.business,
        actor=actor,
        now=now,
        source=SOURCE,
        evidence=Evidence(text=evidence_of(suggestion)),
        business_name_shown=proof.business_name_shown,
        given_at=suggestion.opened_at,
        purposes=proof.purposes,
    )


def _record(action: str, suggestion: Suggestion, actor: str, now: datetime) -> None:
    ledger.record(
        action=action,
        actor=actor,
        now=now,
        business_id=suggestion.business_id,
        subject=f"Suggestion:{suggestion.pk}",
        pseudonym=suggestion.contact.pseudonym if suggestion.contact else None,
        details={"kind": suggestion.kind, "due_at": suggestion.due_at},
    )
