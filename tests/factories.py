"""Things for tests to start from, made through the real journeys wherever there is one."""

from datetime import UTC, datetime, timedelta
from typing import Any

from contacts import checks, opt_ins
from contacts.checking.run import run_batch
from contacts.consent.evidence import Evidence
from contacts.models import CheckBatch, ContactCheck
from providers.e164 import read_number
from providers.models import Business, ProviderAccount
from providers.secret import Secret

CREDENTIALS = {
    "commbox": {"token": "sandbox-token"},
    "onprem": {"token": "sandbox-token"},
    "accuauth": {"api_id": "sandbox-id", "api_secret": "sandbox-secret"},
    "cloud_api": {"access_token": "sandbox-token"},
    "kaleyra": {"api_key": "sandbox-key"},
}
OPTIONS: dict[str, dict[str, Any]] = {
    "commbox": {"stream_id": "stream-1"},
    "onprem": {},
    "accuauth": {},
    "cloud_api": {},
    "kaleyra": {"sid": "HXAP16sandbox97IN"},
}
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


def number(ending: int = 100, index: int = 0) -> str:
    """A British mobile number; the sandbox decides by its last three digits."""
    return f"+447400{index:03d}{ending:03d}"


def peruvian(ending: int = 100, index: int = 0) -> str:
    """A Peruvian mobile number; the sandbox decides by its last three digits."""
    return f"+519{index:05d}{ending:03d}"


def check_run(account: ProviderAccount, *numbers: str, now: datetime | None = None, **fields: Any) -> CheckBatch:
    """A check run, made as the command makes it."""
    fields.setdefault("purpose", "")
    return checks.create(
        account=account,
        lines=checks.read_lines(numbers),
        source=CheckBatch.Source.COMMAND,
        actor="tests",
        now=now or datetime.now(UTC),
        **fields,
    )


def run(batch: CheckBatch, *, seconds: float = 30) -> None:
    """Work on a run in this process until nothing is due soon."""
    run_batch(batch_id=batch.pk, until=datetime.now(UTC) + timedelta(seconds=seconds))


def results(batch: CheckBatch) -> dict[str, str]:
    """What each number of a run became."""
    return dict(ContactCheck.objects.filter(batch=batch).values_list("input", "status"))
