"""Things for tests to start from, made through the real journeys wherever there is one."""

from datetime import UTC, datetime
from typing import Any

from contacts import opt_ins
from contacts.consent.evidence import Evidence
from providers.e164 import read_number
from providers.models import Business, ProviderAccount
from providers.secret import Secret

CREDENTIALS = {
    "commbox": {"token": "sandbox-token"},
    "onprem": {"token": "sandbox-token"},
    "accuauth": {"api_id": "sandbox-id", "api_secret": "sandbox-secret"},
}
OPTIONS: dict[str, dict[str, Any]] = {"commbox": {"stream_id": "stream-1"}, "onprem": {}, "accuauth": {}}
GIVEN_AT = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)


def business(name: str = "Acme") -> Business:
    """A business that has only its present name."""
    return Business.objects.create(name=name)


def account(owner: Business, kind: str, *, base_url: str, **fields: Any) -> ProviderAccount:
    """An account with an official recipient and credentials that the sandbox accepts."""
    fields.setdefault("name", f"{owner.name.lower()}-{kind}")
    fields.setdefault("options", OPTIONS[kind])
    secrets = fields.pop("credentials", CREDENTIALS[kind])
    return ProviderAccount.objects.create(
        business=owner,
        kind=kind,
        base_url=base_url,
        credentials={name: Secret(value) for name, value in secrets.items()},
        recipient_legal_name="Example Hosting Ltd",
        recipient_country="DE",
        recipient_agreement="DPA 2026-04",
        recipient_official=True,
        **fields,
    )


def opted_in(number: str, owner: Business, *, given_at: datetime = GIVEN_AT, **fields: Any) -> opt_ins.Recorded:
    """A recorded opt-in with evidence."""
    fields.setdefault("evidence", Evidence(text=f"ticked the box on the order form ({number})"))
    return opt_ins.record(
        number=read_number(number),
        business=owner,
        actor="tests",
        now=fields.pop("now", given_at),
        source="web form",
        business_name_shown=owner.name,
        given_at=given_at,
        **fields,
    )


def withdrawn(number: str, owner: Business, *, now: datetime, **fields: Any) -> opt_ins.Recorded:
    """A recorded withdrawal."""
    return opt_ins.withdraw(
        number=read_number(number),
        business=owner,
        actor="tests",
        now=now,
        source="phone call",
        reason="asked us to stop",
        **fields,
    )
