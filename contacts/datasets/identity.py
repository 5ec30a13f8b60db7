"""Identity in exports: every hash that was seen, and how each change was verified by a person."""

import json

from django.utils.translation import gettext_lazy as _

from audit.export.datasets import Column, Dataset, Kind
from contacts.datasets import people
from providers.encryption import decrypt

_SENDER = (
    "JOIN contacts_contact c ON c.id = {0}.contact_id JOIN providers_provideraccount a ON a.id = {0}.account_id "
    "LEFT JOIN numbers_businessnumber n ON n.id = {0}.business_number_id "
    "LEFT JOIN numbers_businessaccount w ON w.id = n.business_account_id"
)


def _notes(encrypted: bytes) -> object:
    return json.loads(decrypt(encrypted))


IDENTITY_HASHES = Dataset(
    name="identity_hashes",
    title=_("Identity changes: every WhatsApp identity (hash) that was seen, by what and when"),
    columns=(
        Column("observation", "i.id", Kind.NUMBER),
        Column("observed_at", "i.observed_at", Kind.TIME),
        Column("recorded_at", "i.recorded_at", Kind.TIME),
        *people.PERSON,
        Column("pseudonym", "c.pseudonym", Kind.UUID),
        Column("account", "a.name"),
        Column("business_number", "n.e164"),
        Column("identity_hash", "i.hash"),
        Column("seen_in", "i.source", Kind.WORD),
        Column("reference", "i.reference"),
    ),
    source=f"contacts_identitykey i {_SENDER.format('i')}",
    order="i.id",
    time="i.recorded_at",
    filters={"business": "coalesce(w.business_id, a.business_id) = {}", "account": "i.account_id = {}"},
    without=people.WITHOUT,
)

IDENTITY_CASES = Dataset(
    name="identity_cases",
    title=_("Identity cases: how each change was verified, by whom, through which channel, on what evidence"),
    columns=(
        Column("case", "k.id", Kind.NUMBER),
        Column("opened_at", "k.opened_at", Kind.TIME),
        Column("reason", "k.reason", Kind.WORD),
        *people.PERSON,
        Column("pseudonym", "c.pseudonym", Kind.UUID),
        Column("business", "b.name"),
        Column("account", "a.name"),
        Column("business_number", "n.e164"),
        Column("reference", "k.reference"),
        Column("message", "k.message_id", Kind.NUMBER),
        Column("hash_seen", "k.hash_seen"),
        Column("assignee", "k.assignee"),
        Column("tries", "k.tries", Kind.NUMBER),
        Column("tried_at", "k.tried_at", Kind.TIME),
        Column("closed_at", "k.closed_at", Kind.TIME),
        Column("closed_by", "k.closed_by"),
        Column("outcome", "k.outcome", Kind.WORD),
        Column("channel", "k.channel"),
        Column("evidence", "k.evidence", Kind.JSON, read=_notes),
        Column("no_hash_since", "k.no_hash_since", Kind.TIME),
    ),
    source=f"contacts_trustcase k JOIN providers_business b ON b.id = k.business_id {_SENDER.format('k')}",
    order="k.id",
    time="k.opened_at",
    filters={"business": "k.business_id = {}", "account": "k.account_id = {}"},
    without=people.WITHOUT,
)
