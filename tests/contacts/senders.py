"""Who sends and who is written to in the tests of messages: a number of ours at the sandbox, a person with consent."""

from datetime import UTC, datetime, timedelta
from typing import Any

from contacts import messages
from contacts.inbound import ReachKind, learn_reach
from contacts.incoming import Address, StatusError, StatusEvent
from contacts.models import Contact, IdentityTrust, Message
from numbers.models import BusinessAccount, BusinessNumber
from providers.interfaces import TextMessage
from providers.models import Business, ProviderAccount
from sandbox.seeds import CONNECTED_NUMBER_ID, WABA
from tests import factories

HASH = "DF2lS5v2W6x="
TEXT = TextMessage("Your latest statement is attached. See...")


def our_number(
    owner: Business, base_url: str, *, phone_number_id: str = CONNECTED_NUMBER_ID, e164: str = "+15550147788"
) -> BusinessNumber:
    """A connected number of the business at the Cloud API."""
    account = ProviderAccount.objects.filter(business=owner, kind="cloud_api").first() or factories.account(
        owner, "cloud_api", base_url=base_url
    )
    waba, _created = BusinessAccount.objects.get_or_create(waba_id=WABA, business=owner, account=account)
    return BusinessNumber.objects.create(
        business_account=waba, e164=e164, phone_number_id=phone_number_id, status="CONNECTED"
    )


def agreed(e164: str, owner: Business, **fields: Any) -> Contact:
    """A person who opted in to service messages of the business, or to what is named."""
    fields.setdefault("purposes", ["service"])
    return factories.opted_in(e164, owner, **fields).consent.contact


def stranger(e164: str, now: datetime) -> Contact:
    """A person of whom no consent is on record."""
    return Contact.objects.create(e164=e164, region="GB", person_key=e164, created_at=now)


def wrote(contact: Contact, number: BusinessNumber, at: datetime) -> None:
    """Let the person have written to our number."""
    learn_reach(contact=contact, account=number.account, business_number=number, kind=ReachKind.INBOUND, at=at, now=at)


def trusts(contact: Contact, number: BusinessNumber, identity_hash: str = HASH, **fields: Any) -> IdentityTrust:
    """The trust that a person once gave to an identity, or another state of it."""
    values = {"state": "TRUSTED", "hash": identity_hash, "basis": "VERIFIED", "since": datetime.now(UTC)} | fields
    trust, _created = IdentityTrust.objects.update_or_create(
        contact=contact, account=number.account, business_number=number, defaults=values
    )
    return trust


def send(to: Any, number: BusinessNumber, *, now: datetime | None = None, **fields: Any) -> Message:
    """Send a message from our number, a text unless told otherwise."""
    values: dict[str, Any] = {"content": TEXT, "actor": "tests"} | fields
    return messages.send(
        to=to,
        account=number.account,
        business_number=number,
        now=now or datetime.now(UTC),
        **values,
    )


def status(
    message: Message | str, kind: str, *, at: datetime | None = None, code: str = "", identity_hash: str = ""
) -> StatusEvent:
    """A status as the front door hands it over."""
    wamid = message if isinstance(message, str) else message.wamid
    return StatusEvent(
        to=Address(waba_id=WABA, phone_number_id=CONNECTED_NUMBER_ID),
        wamid=wamid,
        status=kind,
        at=at or datetime.now(UTC),
        recipient="",
        bsuid="",
        identity_hash=identity_hash,
        errors=(StatusError(code, "Title of the error", ""),) if code else (),
    )


def tell(number: BusinessNumber, event: StatusEvent, *, now: datetime | None = None) -> str:
    """Let a status of a message from our number come in."""
    return messages.record_status(
        account=number.account, business_number=number, event=event, now=now or datetime.now(UTC)
    )


def a_moment(*, hours: float) -> timedelta:
    """So many hours."""
    return timedelta(hours=hours)
