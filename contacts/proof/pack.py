"""The evidence pack of one person: what is on record about their consent and what was done with it, as plain values.

One gathering for the page that is printed, the JSON file and the command. Making one leaves a mark in the ledger.
"""

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from audit import ledger, reach
from audit.export.manifest import product_version
from audit.models import AuditEvent
from contacts import messages
from contacts.consent.evidence import Evidence, digest
from contacts.consent.state import load_grants, load_withdrawals
from contacts.identity import notes
from contacts.models import (
    Alias,
    Consent,
    Contact,
    ContactCheck,
    IdentityKey,
    IdentityTrust,
    Message,
    OptIn,
    TrustCase,
)
from contacts.timeline import statuses_of
from providers.interfaces import TextMessage
from providers.models import ProviderAccount

VERSION = 1
#: What never was with a provider: such rows tell of no recipient.
_NOT_SENT = (Message.State.NOT_SENT,)

Plain = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Pack:
    """Everything on record about one person, ready to be shown or written."""

    version: int
    product_version: str
    made_at: datetime
    made_by: str
    person: Plain
    consent: Sequence[Plain]
    events: Sequence[Plain]
    checks: Sequence[Plain]
    recipients: Sequence[Plain]
    identity: Plain
    messages: Sequence[Plain]
    ledger: Sequence[Plain]

    def as_json(self) -> bytes:
        """Write it as one JSON document; the same pack gives the same bytes."""
        return (json.dumps(asdict(self), default=_as_text, ensure_ascii=False, indent=1) + "\n").encode()


def make(
    *, contact: Contact, actor: str, now: datetime, written: bool = False, reached: reach.Businesses = None
) -> tuple[Pack, bytes]:
    """Gather the pack of a person under every form of their number, with its JSON, and record that it was made.

    `written` says that the JSON leaves as a file: the ledger then holds its digest. `reached` are the businesses whose
    records are in it; None for every business.
    """
    pack = _gather(contact, reached, actor, now)
    content = pack.as_json()
    with transaction.atomic():
        ledger.record(
            action="evidence_pack.made",
            actor=actor,
            now=now,
            pseudonym=contact.pseudonym,
            details={
                "events": len(pack.events),
                "checks": len(pack.checks),
                "messages": len(pack.messages),
                "sha256": hashlib.sha256(content).hexdigest() if written else None,
            },
        )
    return pack, content


def _gather(contact: Contact, reached: reach.Businesses, actor: str, now: datetime) -> Pack:
    forms = list(reach.narrowed(Contact.objects.filter(person_key=contact.person_key), reached).order_by("pk"))
    pks, pseudonyms = [form.pk for form in forms], [form.pseudonym for form in forms]
    numbers = {form.pseudonym: form.e164 for form in forms}
    asked = list(
        reach.narrowed(ContactCheck.objects.filter(contact_id__in=pks), reached)
        .select_related("account", "business", "batch", "contact")
        .order_by("pk")
    )
    conversation = messages.conversation(contact).filter(contact_id__in=pks).select_related("account", "business")
    written = list(reach.narrowed(conversation, reached).reverse())
    entries = AuditEvent.objects.filter(pseudonym__in=pseudonyms).order_by("sequence")
    return Pack(
        version=VERSION,
        product_version=product_version(),
        made_at=now,
        made_by=actor,
        person=_person(contact, forms, reached),
        consent=[_standing(row) for row in _consents(pks, reached)],
        events=[_event(row, numbers[row.pseudonym]) for row in reach.narrowed(_events(pseudonyms), reached)],
        checks=[_check(row) for row in asked],
        recipients=_recipients(asked, written),
        identity=_identity(pks, reached),
        messages=_messages(written),
        ledger=[_entry(row) for row in reach.narrowed(entries, reached)],
    )


def _person(contact: Contact, forms: Sequence[Contact], reached: reach.Businesses) -> Plain:
    aliases = reach.narrowed(Alias.objects.filter(contact__in=forms), reached)
    return {
        "number": contact.e164,
        "region": contact.region,
        "forms": [
            {"number": form.e164, "pseudonym": form.pseudonym, "wa_id": form.wa_id, "first_seen_at": form.created_at}
            for form in forms
        ],
        "user_ids": sorted(aliases.values_list("bsuid", flat=True)),
        "restricted_at": contact.restricted_at,
        "restricted_until": contact.restricted_until,
    }


def _consents(pks: Sequence[int], reached: reach.Businesses) -> Iterable[Consent]:
    rows = reach.narrowed(Consent.objects.filter(contact_id__in=pks), reached).select_related("business", "contact")
    # Rows that are there only to be locked say nothing.
    return [row for row in rows.order_by("business__name", "contact_id") if row.grants or row.withdrawals]


def _standing(row: Consent) -> Plain:
    return {
        "business": row.business.name,
        "number": row.contact.e164,
        "status": row.status.lower(),
        "agreed_to": [
            {"purpose": purpose, "opt_in": grant.opt_in_id, "given_at": grant.given_at, "expires_at": grant.expires_at}
            for purpose, grant in load_grants(row.grants).items()
        ],
        "opted_out_of": [
            {"purpose": purpose, "at": at} for purpose, at in sorted(load_withdrawals(row.withdrawals).items())
        ],
    }


def _events(pseudonyms: Sequence[Any]) -> QuerySet[OptIn]:
    return (
        OptIn.objects.filter(pseudonym__in=pseudonyms)
        .select_related("business", "consent_text", "evidence", "opt_in_import")
        .defer("opt_in_import__content", "opt_in_import__errors")
        .order_by("recorded_at", "pk")
    )


def _event(row: OptIn, number: str) -> Plain:
    entry, wording = row.opt_in_import, row.consent_text
    return {
        "opt_in": row.pk,
        "number": number,
        "event": row.state.lower(),
        "business": row.business.name,
        "business_name_shown": row.business_name_shown,
        "purposes": row.purposes.split(","),
        "source": row.source,
        "given_at": row.given_at,
        "recorded_at": row.recorded_at,
        "recorded_by": row.recorded_by,
        "expires_at": row.expires_at,
        "external_id": row.external_id,
        "wording": None
        if wording is None
        else {
            "name": wording.name,
            "version": wording.version,
            "language": wording.language,
            "text": wording.text,
            "business_name_shown": wording.business_name_shown,
            "purposes": wording.purposes.split(","),
            "picture": _file(wording.picture),
        },
        "import": None
        if entry is None
        else {
            "file_name": entry.file_name,
            "file_sha256": entry.file_digest,
            "imported_by": entry.imported_by,
            "statement": entry.statement,
        },
        "proof_complete": row.proof_complete,
        "evidence_digest": row.evidence_digest,
        "evidence": _evidence(row),
    }


def _evidence(row: OptIn) -> Plain | None:
    kept = getattr(row, "evidence", None)
    if kept is None:
        return None
    file = None if kept.file is None else bytes(kept.file)
    made = digest(Evidence(kept.text, file, kept.file_name), bytes(kept.salt))
    return {
        "text": kept.text,
        "file_name": kept.file_name,
        "file": _file(kept.file),
        "salt": bytes(kept.salt).hex(),
        "digest": row.evidence_digest,
        "matches_its_digest": made == row.evidence_digest,
    }


def _file(content: Any) -> Plain | None:
    if not content:
        return None
    plain = bytes(content)
    return {"sha256": hashlib.sha256(plain).hexdigest(), "base64": base64.b64encode(plain).decode()}


def _check(row: ContactCheck) -> Plain:
    return {
        "check": row.pk,
        "run": row.batch_id,
        "number": row.e164,
        "business": row.business.name,
        "purpose": row.batch.purpose,
        "asked_by": row.batch.requested_by,
        "asked_at": row.first_asked_at,
        "account": row.account.name,
        "status": row.status.lower(),
        "reason": row.reason,
        "opt_in": row.opt_in_id,
        "wa_id": row.wa_id,
        "strength": row.strength.lower(),
        "answered_at": row.checked_at,
        "answered_from_an_earlier_check": row.cached_from_id,
    }


def _recipients(asked: Sequence[ContactCheck], written: Sequence[Message]) -> Sequence[Plain]:
    """Say who outside received the number, for what, from when until when and how often."""
    found: dict[int, tuple[ProviderAccount, list[tuple[str, datetime]]]] = {}
    given = [(row.account, "check", row.first_asked_at) for row in asked if row.first_asked_at]
    given += [
        (row.account, "message", row.at)
        for row in written
        if row.direction == Message.Direction.OUT and row.state not in _NOT_SENT
    ]
    for account, what, at in given:
        found.setdefault(account.pk, (account, []))[1].append((what, at))
    return [
        {
            "recipient": account.recipient_legal_name or account.name,
            "country": account.recipient_country,
            "agreement": account.recipient_agreement,
            "official": account.recipient_official,
            "provider": account.kind,
            "account": account.name,
            "for": sorted({what for what, _at in times}),
            "first_at": min(at for _what, at in times),
            "last_at": max(at for _what, at in times),
            "times": len(times),
        }
        for account, times in sorted(found.values(), key=lambda one: one[0].name)
    ]


def _identity(pks: Sequence[int], reached: reach.Businesses) -> Plain:
    trusts = reach.narrowed(IdentityTrust.objects.filter(contact_id__in=pks), reached).order_by("pk")
    seen = reach.narrowed(IdentityKey.objects.filter(contact_id__in=pks), reached).order_by("observed_at")
    cases = reach.narrowed(TrustCase.objects.filter(contact_id__in=pks), reached).order_by("pk")
    along = ("account", "business_number")
    return {
        "trust": [
            {**_ours(row), "state": row.state.lower(), "hash": row.hash, "basis": row.basis.lower(), "since": row.since}
            for row in trusts.select_related(*along)
        ],
        "seen": [
            {**_ours(row), "hash": row.hash, "source": row.source.lower(), "observed_at": row.observed_at}
            for row in seen.select_related(*along)
        ],
        "cases": [
            {
                **_ours(row),
                "case": row.pk,
                "reason": row.reason.lower(),
                "opened_at": row.opened_at,
                "outcome": row.outcome.lower(),
                "channel": row.channel,
                "closed_at": row.closed_at,
                "closed_by": row.closed_by,
                "notes": [asdict(note) for note in notes.of(row)],
            }
            for row in cases.select_related(*along)
        ],
    }


def _ours(row: Any) -> Plain:
    number = row.business_number
    return {"account": row.account.name, "our_number": number.e164 if number else None}


def _messages(rows: Sequence[Message]) -> Sequence[Plain]:
    told = statuses_of(rows)
    return [{**_ours(row), **_message(row, told.get((row.account_id, row.wamid), ()))} for row in rows]


def _message(row: Message, statuses: Sequence[Any]) -> Plain:
    content = messages.content_of(row)
    return {
        "message": row.pk,
        "direction": row.direction.lower(),
        "business": row.business.name,
        "at": row.at,
        "kind": row.kind.lower(),
        "purpose": row.purpose,
        "state": row.state.lower(),
        "allowed_by": row.basis.lower(),
        "opt_in": row.opt_in_id,
        "sent_by": row.actor,
        "with_identity": row.hash_sent,
        "text": content.body if isinstance(content, TextMessage) else None,
        "template": None if content is None or isinstance(content, TextMessage) else asdict(content),
        "text_removed_at": row.purged_at,
        "statuses": [{"status": one.status, "at": one.at, "error": one.error_code} for one in statuses],
    }


def _entry(row: AuditEvent) -> Plain:
    return {
        "sequence": row.sequence,
        "recorded_at": row.recorded_at,
        "action": row.action,
        "actor": row.actor,
        "hash": row.hash,
    }


def _as_text(value: Any) -> str:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else str(value)
