"""What this app gives to exports: our numbers' codes and registrations, changed settings, and every outbound call."""

from collections.abc import Iterable

from django.utils.translation import gettext_lazy as _

from audit import reach
from audit.export.datasets import Column, Dataset, Filter, Kind
from providers.models import Business, ProviderAccount

VERIFICATION_ATTEMPTS = Dataset(
    name="verification_attempts",
    title=_("Verification attempts: codes requested and submitted, registrations"),
    columns=(
        Column("attempt", "v.id", Kind.NUMBER),
        Column("started_at", "v.started_at", Kind.TIME),
        Column("settled_at", "v.settled_at", Kind.TIME),
        Column("action", "v.action", Kind.WORD),
        Column("outcome", "v.outcome", Kind.WORD),
        Column("business_number", "n.e164"),
        Column("phone_number_id", "n.phone_number_id", Kind.WORD),
        Column("waba_id", "w.waba_id", Kind.WORD),
        Column("business", "b.name"),
        Column("account", "a.name"),
        Column("method", "v.method", Kind.WORD),
        Column("language", "v.language"),
        Column("code_request", "v.code_request_id", Kind.NUMBER),
        Column("provider_code", "v.provider_code"),
        Column("provider_words", "v.provider_words"),
        Column("trace_id", "v.trace_id"),
        Column("by", "v.actor"),
    ),
    source=(
        "numbers_verificationattempt v JOIN numbers_businessnumber n ON n.id = v.business_number_id "
        "JOIN numbers_businessaccount w ON w.id = n.business_account_id "
        "JOIN providers_business b ON b.id = w.business_id JOIN providers_provideraccount a ON a.id = w.account_id"
    ),
    order="v.id",
    time="v.started_at",
    filters={"business": "w.business_id = {}", "account": "w.account_id = {}"},
)

#: The beginnings of the actions with which the ledger tells that a setting changed.
_SETTINGS = ("identity_check.", "account.", "business.", "waba.", "number.configured", "pin.")

SETTINGS_CHANGES = Dataset(
    name="settings_changes",
    title=_("Settings: identity checks turned on and off, accounts, businesses, WABAs, PINs"),
    columns=(
        Column("ledger_sequence", "e.sequence", Kind.NUMBER),
        Column("recorded_at", "e.recorded_at", Kind.TIME),
        Column("action", "e.action", Kind.WORD),
        Column("by", "e.actor"),
        Column("business", "b.name"),
        Column("subject", "e.subject", Kind.WORD),
        Column("account", "a.name"),
        Column("business_number", "n.e164"),
        Column("phone_number_id", "n.phone_number_id", Kind.WORD),
        Column("details", "e.details", Kind.JSON),
    ),
    source=(
        "audit_auditevent e LEFT JOIN providers_business b ON b.id = e.business_id "
        "LEFT JOIN numbers_businessnumber n ON 'BusinessNumber:' || n.id = e.subject "
        "LEFT JOIN providers_provideraccount a ON 'ProviderAccount:' || a.id = e.subject"
    ),
    where=" OR ".join(f"e.action LIKE '{beginning}%%'" for beginning in _SETTINGS),
    order="e.sequence",
    time="e.recorded_at",
    filters={"business": "e.business_id = {}"},
)

PROVIDER_CALLS = Dataset(
    name="provider_calls",
    title=_("Provider calls: every call that left, masked"),
    columns=(
        Column("call", "p.id", Kind.NUMBER),
        Column("started_at", "p.started_at", Kind.TIME),
        Column("account", "p.account_name"),
        Column("provider", "p.kind", Kind.WORD),
        Column("operation", "p.operation", Kind.WORD),
        Column("subject", "p.subject", Kind.WORD),
        Column("method", "p.method", Kind.WORD),
        Column("masked_url", "p.url"),
        Column("numbers_asked", "p.numbers_count", Kind.NUMBER),
        Column("outcome", "p.outcome", Kind.WORD),
        Column("http_status", "p.http_status", Kind.NUMBER),
        Column("milliseconds", "p.milliseconds", Kind.NUMBER),
        Column("error", "p.error"),
    ),
    source="audit_providercall p",
    order="p.id",
    time="p.started_at",
    filters={
        # An account that serves several businesses belongs to those whose WABAs it reaches.
        "business": (
            "p.account_id IN (SELECT id FROM providers_provideraccount WHERE business_id = {0} UNION "
            "SELECT account_id FROM numbers_businessaccount WHERE business_id = {0})"
        ),
        "account": "p.account_id = {}",
    },
    # A call through an account that serves others too may have been for any of them.
    strictly=(
        "p.account_id IN (SELECT id FROM providers_provideraccount WHERE business_id = {0} OR business_id IS NULL) AND "
        "p.account_id NOT IN (SELECT account_id FROM numbers_businessaccount WHERE business_id <> {0})"
    ),
)

ALL = (VERIFICATION_ATTEMPTS, SETTINGS_CHANGES, PROVIDER_CALLS)


def _businesses(reached: reach.Businesses) -> Iterable[tuple[int, str]]:
    return reach.narrowed(Business.objects.order_by("name"), reached).values_list("pk", "name")


def _accounts(reached: reach.Businesses) -> Iterable[tuple[int, str]]:
    return reach.narrowed(ProviderAccount.objects.order_by("name"), reached).values_list("pk", "name")


FILTERS = (
    Filter("business", _("Business"), _businesses),
    Filter("account", _("Provider account"), _accounts),
)
