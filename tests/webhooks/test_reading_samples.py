"""The webhook samples of the Cloud API document, byte for byte, and what each of them says."""

from datetime import UTC, datetime

from contacts.incoming import Address, InboundMessage, StatusError, StatusEvent
from tests.webhooks.deliveries import DISPLAY, NUMBER_ID, PERSON, WABA_ID, sample
from webhooks import reading

RECEIVED_AT = datetime(2026, 5, 3, 10, 0, tzinfo=UTC)
TO = Address(waba_id=WABA_ID, phone_number_id=NUMBER_ID, display_phone_number=DISPLAY)
MISMATCH = "Confirm the correct Recipient Identity Key Hash or send without any identity key hash"


def read(name: str) -> reading.Found:
    """The one event of a sample."""
    found = reading.read(kind="meta", account_id=None, digest="d", body=sample(name), received_at=RECEIVED_AT)
    assert len(found) == 1
    return found[0]


def test_the_incoming_message_brings_the_hash() -> None:
    one = read("webhook_message")
    assert (one.kind, one.field) == ("message", "messages")
    assert one.event == InboundMessage(
        to=TO,
        wamid="wamid.HBgLMTY1MDM4Nzk0MzkVAgASGBQzQUMyNTA4M0VGN0Q4RjdDNDVCMAA=",
        sender=PERSON,
        bsuid="",
        at=datetime(2023, 6, 12, 17, 41, 35, tzinfo=UTC),
        kind="text",
        text="Your latest statement is attached. See... ",
        payload="",
        reply_to="",
        identity_hash="DF2lS5v2W6x=",
        profile_name="Pablo Morales",
    )


def test_the_delivery_status_brings_the_hash() -> None:
    one = read("webhook_status_delivered")
    assert (one.kind, one.field) == ("status", "messages")
    assert one.event == StatusEvent(
        to=TO,
        wamid="wamid.HBgLMTY1MDM4Nzk0MzkVAgARGBJGODlDQjZBNjUxMUQ5NEU0MEUA",
        status="delivered",
        at=datetime(2023, 6, 12, 17, 45, 22, tzinfo=UTC),
        recipient=PERSON,
        bsuid="",
        identity_hash="DF2lS5v2W6x=",
        errors=(),
    )


def test_the_failed_status_brings_137000_and_no_hash() -> None:
    one = read("webhook_status_failed_137000")
    assert one.kind == "status"
    assert one.event == StatusEvent(
        to=TO,
        wamid="wamid.HBgLMTY1MDM4Nzk0MzkVAgARGBJDQzA0OEU4OTdEQUE5REVCQTgA",
        status="failed",
        at=datetime(2023, 6, 12, 18, 31, 5, tzinfo=UTC),
        recipient=PERSON,
        bsuid="",
        identity_hash="",
        errors=(StatusError(code="137000", title=MISMATCH, details=""),),
    )
