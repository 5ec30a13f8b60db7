"""Checks in exports: what was asked of providers, and what the gate refused before anything left."""

from django.utils.translation import gettext_lazy as _

from audit.export.datasets import Column, Dataset, Kind
from contacts.datasets import people

CHECKS = Dataset(
    name="checks",
    title=_("Checks: which numbers were asked, with which opt-in, and the answers"),
    columns=(
        Column("check", "k.id", Kind.NUMBER),
        Column("run", "k.batch_id", Kind.NUMBER),
        Column("line", "k.position", Kind.NUMBER),
        Column("requested_at", "r.created_at", Kind.TIME),
        Column("requested_by", "r.requested_by"),
        Column("source", "r.source", Kind.WORD),
        Column("business", "b.name"),
        Column("account", "a.name"),
        Column("provider", "a.kind", Kind.WORD),
        Column("recipient", "a.recipient_legal_name"),
        Column("recipient_country", "a.recipient_country"),
        Column("purpose", "r.purpose", Kind.WORD),
        Column("input", "k.input"),
        Column("number", "k.e164"),
        Column("pseudonym", "c.pseudonym", Kind.UUID),
        Column("opt_in", "k.opt_in_id", Kind.NUMBER),
        Column("status", "k.status", Kind.WORD),
        Column("reason", "k.reason", Kind.WORD),
        Column("detail", "k.detail"),
        Column("answered_wa_id", "k.wa_id"),
        Column("strength", "k.strength", Kind.WORD),
        Column("checked_at", "k.checked_at", Kind.TIME),
        Column("cached_from", "k.cached_from_id", Kind.NUMBER),
        Column("duplicate_of", "k.duplicate_of_id", Kind.NUMBER),
        Column("forced", "r.forced", Kind.FLAG),
        Column("force_reason", "r.force_reason"),
    ),
    source=(
        "contacts_contactcheck k JOIN contacts_checkbatch r ON r.id = k.batch_id "
        "JOIN providers_business b ON b.id = k.business_id JOIN providers_provideraccount a ON a.id = k.account_id "
        "LEFT JOIN contacts_contact c ON c.id = k.contact_id"
    ),
    where="k.status <> 'REFUSED'",
    order="k.id",
    time="r.created_at",
    filters={"business": "k.business_id = {}", "account": "k.account_id = {}"},
    without=people.WITHOUT,
)

#: A refused number may be known to another business only: that it is known at all is not this business's to learn.
_THEIR_PSEUDONYM = (
    "CASE WHEN x.operation = 'message' OR EXISTS (SELECT 1 FROM contacts_optin o "
    "WHERE o.pseudonym = c.pseudonym AND o.business_id = x.business_id) THEN c.pseudonym END"
)

REFUSALS = Dataset(
    name="refusals",
    title=_("Refusals: checks and messages that the gate kept from leaving, with the reason"),
    columns=(
        Column("refused_at", "x.refused_at", Kind.TIME),
        Column("operation", "x.operation", Kind.WORD),
        Column("id", "x.id", Kind.NUMBER),
        Column("reason", "x.reason", Kind.WORD),
        Column("detail", "x.detail"),
        Column("business", "b.name"),
        Column("account", "a.name"),
        Column("purpose", "x.purpose", Kind.WORD),
        Column("input", "x.input"),
        Column("number", "coalesce(x.number, c.e164)"),
        Column("pseudonym", _THEIR_PSEUDONYM, Kind.UUID),
        Column("by", "x.requested_by"),
    ),
    source=(
        "(SELECT 'check' AS operation, k.id AS id, r.created_at AS refused_at, k.reason AS reason, k.detail AS detail, "
        "k.business_id AS business_id, k.account_id AS account_id, r.purpose AS purpose, k.input AS input, "
        "k.e164 AS number, d.pseudonym AS pseudonym, r.requested_by AS requested_by "
        "FROM contacts_contactcheck k JOIN contacts_checkbatch r ON r.id = k.batch_id "
        "LEFT JOIN contacts_contact d ON d.e164 = k.e164 WHERE k.status = 'REFUSED' "
        "UNION ALL "
        "SELECT 'message', e.sequence, e.recorded_at, e.details ->> 'reason', '', e.business_id, "
        "p.id, e.details ->> 'purpose', NULL, NULL, e.pseudonym, e.actor FROM audit_auditevent e "
        "LEFT JOIN providers_provideraccount p ON 'ProviderAccount:' || p.id = e.subject "
        "WHERE e.action = 'message.refused') x "
        "JOIN providers_business b ON b.id = x.business_id "
        "LEFT JOIN providers_provideraccount a ON a.id = x.account_id "
        "LEFT JOIN contacts_contact c ON c.pseudonym = x.pseudonym"
    ),
    order="x.refused_at, x.operation, x.id",
    time="x.refused_at",
    filters={"business": "x.business_id = {}", "account": "x.account_id = {}"},
    without=people.WITHOUT,
)
