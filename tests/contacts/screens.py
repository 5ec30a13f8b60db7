"""What the tests of pages start from: a person, our number at the sandbox, and an identity change in a few lines."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.test import Client
from django.urls import reverse

from contacts.models import Contact, IdentityTrust, Message, TrustCase
from numbers.models import BusinessNumber
from providers.interfaces import TextMessage
from sandbox import Sandbox
from tests import clients
from tests.contacts import senders, writers
from tests.numbers.stage import said

NEW_HASH = "Zk9wNewHash="
HELD = "Your statement of May"


def at(name: str, *args: object) -> str:
    """The address of one of our pages."""
    return reverse(f"admin:contacts_{name}", args=args)


def mismatched(contact: Contact, number: BusinessNumber, sandbox: Sandbox, *, hours: float = 1) -> TrustCase:
    """A person whose statement was held back because the identity is another now."""
    now = datetime.now(UTC)
    senders.trusts(contact, number)
    senders.wrote(contact, number, now - timedelta(hours=hours, minutes=5))
    sandbox.people.open_window(contact.e164)
    message = senders.send(contact, number, content=TextMessage(HELD))
    senders.tell(number, senders.status(message, "failed", code="137000"))
    return writers.open_case()


def say_same_person(browser: Client, case: TrustCase, **fields: Any) -> Any:
    """Fill in the form “same person”."""
    values = {"channel": "call to the landline", "evidence": "named the last order", "send": "ORIGINAL"} | fields
    return browser.post(at("trustcase_same_person", case.pk), values, follow=True)


def page_of(browser: Client, name: str, *args: object, query: str = "") -> str:
    """What a page says."""
    return said(browser.get(at(name, *args) + query))


def trust_of(contact: Contact, number: BusinessNumber) -> IdentityTrust:
    """The trust as it stands."""
    return writers.trust_of(contact, number)


def sent_to(contact: Contact) -> list[Message]:
    """What was sent, oldest first."""
    return list(Message.objects.filter(contact=contact, direction="OUT").order_by("pk"))


def admin() -> Client:
    """The browser of a business admin."""
    return clients.browser(clients.ADMIN)


def support() -> Client:
    """The browser of the support staff."""
    return clients.browser(clients.SUPPORT)
