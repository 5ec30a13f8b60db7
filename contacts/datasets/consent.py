"""Consent in exports: every event with its full proof, and what each person allowed at the end of the range."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import groupby, islice
from operator import attrgetter
from pathlib import PurePath
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from audit.export.datasets import Attachment, Column, Dataset, Kind, Scope
from audit.ledger import canonical_time
from contacts.consent import state
from contacts.datasets import people
from contacts.erasure.suppression import kept_for
from contacts.models import ConsentText, Contact, OptIn, OptInEvidence
from providers.models import Business, Purpose

_AT_ONCE = 2_000
_ENDINGS = frozenset({"pdf", "png", "jpg", "jpeg"})


def _attachments(scope: Scope) -> Iterator[Attachment]:
    """Give the files that people signed or saw: evidence of the events in scope, and pictures of their wordings."""
    events = OptIn.objects.filter(recorded_at__lt=scope.until)
    if scope.since is not None:
        events = events.filter(recorded_at__gte=scope.since)
    if "business" in scope.filters:
        events = events.filter(business_id=scope.filters["business"])
    texts = ConsentText.objects.filter(picture__isnull=False, pk__in=events.values("consent_text_id")).order_by("pk")
    for text in texts.iterator(chunk_size=1):
        if text.picture is not None:
            yield Attachment(f"wording-{text.pk}.{_ending(text.picture_type)}", bytes(text.picture))
    if not scope.sees("contacts.view_restricted_contact"):
        restricted = Contact.objects.filter(restricted_at__isnull=False)
        events = events.exclude(pseudonym__in=restricted.values("pseudonym"))
    kept = OptInEvidence.objects.filter(file__isnull=False, opt_in__in=events).order_by("opt_in_id")
    for evidence in kept.iterator(chunk_size=1):
        if evidence.file is not None:
            ending = _ending(PurePath(evidence.file_name).suffix)
            yield Attachment(f"evidence-{evidence.opt_in_id}.{ending}", bytes(evidence.file))


def _ending(kind: str) -> str:
    """Give the ending of a file from a media type or another ending; nothing that somebody else wrote."""
    known = kind.lower().rpartition("/")[2].lstrip(".")
    return known if known in _ENDINGS else "bin"


OPT_INS = Dataset(
    name="opt_ins",
    title=_("Opt-ins and opt-outs with their full proof: wording, source, time, evidence and its files"),
    columns=(
        Column("opt_in", "o.id", Kind.NUMBER),
        *people.PERSON,
        Column("pseudonym", "o.pseudonym", Kind.UUID),
        Column("business", "b.name"),
        Column("state", "o.state", Kind.WORD),
        Column("purposes", "o.purposes", Kind.WORD),
        Column("business_name_shown", "o.business_name_shown"),
        Column("source", "o.source"),
        Column("given_at", "o.given_at", Kind.TIME),
        Column("recorded_at", "o.recorded_at", Kind.TIME),
        Column("recorded_by", "o.recorded_by"),
        Column("expires_at", "o.expires_at", Kind.TIME),
        Column("wording", "t.text"),
        Column("wording_name", "t.name"),
        Column("wording_version", "t.version"),
        Column("wording_language", "t.language"),
        Column("wording_id", "t.id", Kind.NUMBER),
        Column("evidence", "e.text"),
        Column("evidence_file", "e.file_name"),
        Column("evidence_file_bytes", "length(e.file)", Kind.NUMBER),
        Column("evidence_salt", "e.salt", Kind.HEX),
        Column("evidence_digest", "o.evidence_digest", Kind.WORD),
        Column("external_id", "o.external_id"),
        Column("opt_in_import", "o.opt_in_import_id", Kind.NUMBER),
        Column("decides", "o.decides_id", Kind.NUMBER),
    ),
    source=(
        "contacts_optin o JOIN providers_business b ON b.id = o.business_id "
        "LEFT JOIN contacts_contact c ON c.pseudonym = o.pseudonym "
        "LEFT JOIN contacts_optinevidence e ON e.opt_in_id = o.id "
        "LEFT JOIN contacts_consenttext t ON t.id = o.consent_text_id"
    ),
    order="o.id",
    time="o.recorded_at",
    filters={"business": "o.business_id = {}"},
    without=people.WITHOUT,
    attachments=_attachments,
)


def _states(scope: Scope) -> Iterator[tuple[object, ...]]:
    """Give what each person allowed each business at the end of the range, as their events until then make it."""
    names = dict(Business.objects.values_list("pk", "name"))
    events: QuerySet[Any, OptIn] = OptIn.objects.filter(
        state__in=[OptIn.State.GRANTED, OptIn.State.WITHDRAWN], recorded_at__lt=scope.until
    )
    if "business" in scope.filters:
        events = events.filter(business_id=scope.filters["business"])
    rows = events.order_by("pseudonym", "business_id", "pk").iterator(chunk_size=_AT_ONCE)
    one_by_one = groupby(rows, key=attrgetter("pseudonym", "business_id"))
    people_of = ((key, list(group)) for key, group in one_by_one)
    while some := list(islice(people_of, _AT_ONCE)):
        found = Contact.objects.filter(pseudonym__in={pseudonym for (pseudonym, _id), _rows in some})
        known = {contact.pseudonym: contact for contact in found}
        kept = _kept(
            (known[pseudonym].e164, business_id) for (pseudonym, business_id), _r in some if pseudonym in known
        )
        for (pseudonym, business_id), group in some:
            contact = known.get(pseudonym)
            person: tuple[str | None, ...] = (None, None, None)
            if contact is None:
                folded = state.fold_events(group)
            elif contact.restricted_at and not scope.sees("contacts.view_restricted_contact"):
                continue
            else:
                person = (contact.e164, contact.region, contact.wa_id)
                folded = state.fold_events(group, kept.get((contact.e164, business_id), {}))
                if contact.restricted_at and contact.restricted_at < scope.until:
                    folded = state.suspended(folded, contact.restricted_at)
            for line in _purposes_at(folded, scope.until):
                yield (*person, str(pseudonym), names.get(business_id), *line)


def _kept(people_and_businesses: Iterable[tuple[str, int]]) -> Mapping[tuple[str, int], Mapping[str, datetime]]:
    """Give the withdrawals that outlived an erasure, of people who are back under the same number."""
    numbers: dict[int, list[str]] = {}
    for number, business_id in people_and_businesses:
        numbers.setdefault(business_id, []).append(number)
    return {
        (number, business_id): withdrawals
        for business_id, some in numbers.items()
        for number, withdrawals in kept_for(some, business_id=business_id).items()
    }


def _purposes_at(folded: state.State, at: datetime) -> Iterator[tuple[object, ...]]:
    for purpose in Purpose.values:
        grant, withdrawn_at = folded.grants.get(purpose), folded.withdrawals.get(purpose)
        if grant is None and withdrawn_at is None:
            continue
        if grant is None:
            standing = "WITHDRAWN"
        elif grant.expires_at is not None and grant.expires_at <= at:
            standing = "EXPIRED"
        else:
            standing = "GRANTED" if grant.given_at <= at else "NOT_YET_VALID"
        yield (
            purpose,
            standing,
            grant.opt_in_id if grant else None,
            _time(grant.given_at if grant else None),
            _time(grant.expires_at if grant else None),
            _time(withdrawn_at),
            _time(at),
        )


def _time(at: datetime | None) -> str | None:
    return None if at is None else canonical_time(at)


CONSENT_STATES = Dataset(
    name="consent_states",
    title=_("Consent as it stood at the end of the range, person by person and purpose by purpose"),
    columns=(
        *people.PERSON,
        Column("pseudonym", kind=Kind.UUID),
        Column("business"),
        Column("purpose", kind=Kind.WORD),
        Column("state", kind=Kind.WORD),
        Column("opt_in", kind=Kind.NUMBER),
        Column("given_at", kind=Kind.TIME),
        Column("expires_at", kind=Kind.TIME),
        Column("withdrawn_at", kind=Kind.TIME),
        Column("at", kind=Kind.TIME),
    ),
    filters={"business": ""},
    rows=_states,
)
