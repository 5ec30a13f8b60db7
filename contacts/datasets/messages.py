"""Messages in exports: what went to whom on which basis and what became of it. Never what they say."""

from django.utils.translation import gettext_lazy as _

from audit.export.datasets import Column, Dataset, Kind
from contacts.datasets import people

MESSAGES = Dataset(
    name="messages",
    title=_("Messages: to whom, when, on which basis, with which identity, and their fate; never their text"),
    columns=(
        Column("message", "m.id", Kind.NUMBER),
        Column("at", "m.at", Kind.TIME),
        Column("direction", "m.direction", Kind.WORD),
        *people.PERSON,
        Column("pseudonym", "c.pseudonym", Kind.UUID),
        Column("business", "b.name"),
        Column("account", "a.name"),
        Column("business_number", "n.e164"),
        Column("kind", "m.kind", Kind.WORD),
        Column("purpose", "m.purpose", Kind.WORD),
        Column("state", "m.state", Kind.WORD),
        Column("basis", "m.basis", Kind.WORD),
        Column("opt_in", "m.opt_in_id", Kind.NUMBER),
        Column("hash_sent", "m.hash_sent"),
        Column("resend_of_case", "m.resend_of_case_id", Kind.NUMBER),
        Column("wamid", "m.wamid"),
        Column("provider_code", "m.provider_code"),
        Column("provider_words", "m.provider_words"),
        Column("trace_id", "m.trace_id"),
        Column("by", "m.actor"),
        Column("sent_at", "m.sent_at", Kind.TIME),
        Column("delivered_at", "m.delivered_at", Kind.TIME),
        Column("read_at", "m.read_at", Kind.TIME),
        Column("failed_at", "m.failed_at", Kind.TIME),
        Column("text_purged_at", "m.purged_at", Kind.TIME),
    ),
    source=(
        "contacts_message m JOIN contacts_contact c ON c.id = m.contact_id "
        "JOIN providers_business b ON b.id = m.business_id JOIN providers_provideraccount a ON a.id = m.account_id "
        "LEFT JOIN numbers_businessnumber n ON n.id = m.business_number_id"
    ),
    order="m.id",
    time="m.at",
    filters={"business": "m.business_id = {}", "account": "m.account_id = {}"},
    without=people.WITHOUT,
)
