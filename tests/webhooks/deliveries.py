"""Deliveries for tests of the front door: bodies as providers send them, signed and posted, and what became of them."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

from django.test import Client

from audit import ledger
from audit.models import AuditEvent
from numbers.models import BusinessAccount, BusinessNumber
from providers.models import Business, ProviderAccount
from providers.secret import Secret
from tests import factories
from waadmin import BASE_DIR
from webhooks import dispatch, draining, signature
from webhooks.models import WebhookEvent

#: As in tests/settings.py.
APP_SECRET = Secret("tests-only-app-secret")
ADDRESS = "/webhooks/meta/"
#: The ids of the Cloud API document.
WABA_ID, NUMBER_ID, DISPLAY, PERSON = "102290129340398", "106540352242922", "15550051310", "16505551234"
FIXTURES = BASE_DIR / "tests" / "fixtures" / "cloud_api"


def our_number(business: Business, *, base_url: str = "https://graph.facebook.com") -> BusinessNumber:
    """The business number that the document's webhooks are about."""
    account: ProviderAccount = factories.account(business, "cloud_api", base_url=base_url)
    waba = BusinessAccount.objects.create(business=business, account=account, waba_id=WABA_ID)
    return BusinessNumber.objects.create(business_account=waba, phone_number_id=NUMBER_ID, e164=f"+{DISPLAY}")


def sample(name: str) -> bytes:
    """A documented body."""
    return (FIXTURES / f"{name}.json").read_bytes()


def body_of(*values: dict[str, Any], field: str = "messages", **entry: Any) -> bytes:
    """A body with one entry a value."""
    metadata = {"display_phone_number": DISPLAY, "phone_number_id": NUMBER_ID}
    entries = [
        {"id": WABA_ID, **entry, "changes": [{"field": field, "value": {"metadata": metadata, **value}}]}
        for value in values
    ]
    return json.dumps({"object": "whatsapp_business_account", "entry": entries}).encode()


def message(wamid: str = "wamid.IN1", **fields: Any) -> dict[str, Any]:
    """The value of a change with one text message."""
    row = {"from": PERSON, "id": wamid, "timestamp": "1686591695", "type": "text", "text": {"body": "Hello"}}
    contact = {"profile": {"name": "Pablo Morales"}, "wa_id": PERSON}
    return {"contacts": [contact], "messages": [row | fields]}


def status(wamid: str = "wamid.OUT1", what: str = "delivered", **fields: Any) -> dict[str, Any]:
    """The value of a change with one delivery report."""
    return {
        "statuses": [{"id": wamid, "status": what, "timestamp": "1686591922", "recipient_id": PERSON} | fields],
    }


def deliver(client: Client, body: bytes, header: str | None = None) -> int:
    """Post a body with its right signature, or with the header given, and give the status."""
    signed = signature.sign(body, APP_SECRET) if header is None else header
    response = client.post(
        ADDRESS, body, content_type="application/json", headers={"x-hub-signature-256": signed} if signed else {}
    )
    return response.status_code


def drain() -> int:
    """Read what is due, in this process and without waiting for more."""
    return draining.drain(slot=0, until=datetime.now(UTC) + timedelta(seconds=30), linger=0)


def record(*, event: Any, account: ProviderAccount, business_number: BusinessNumber | None, now: datetime) -> str:
    """A journey with one effect that can be counted: an event in the ledger, in the journey's transaction."""
    ledger.record(action="test.effect", actor="tests", now=now, subject=name_of(event))
    return f"Effect:{name_of(event)}"[:80]


def name_of(event: Any) -> str:
    """What tells events apart in these tests."""
    return " ".join(filter(None, (getattr(event, "wamid", ""), getattr(event, "status", ""))))[:60] or "nameless"


def effects() -> Counter[str]:
    """How often each event had its effect."""
    return Counter(AuditEvent.objects.filter(action="test.effect").values_list("subject", flat=True))


@contextmanager
def journeys(journey: Callable[..., str] = record, *kinds: str) -> Iterator[None]:
    """Let a journey of the test take events of these kinds (all kinds about people and numbers by default)."""
    kinds = kinds or ("message", "status", "system", "preference", "number")
    table = dict.fromkeys(kinds, f"{__name__}._journey")
    with patch.dict(dispatch.JOURNEYS, table), patch(f"{__name__}._journey", journey, create=True):
        yield


def outcomes() -> list[tuple[str, str]]:
    """Kind and outcome of every event, in order."""
    return list(WebhookEvent.objects.values_list("kind", "outcome"))
