"""The lists of messages, statuses, identities and trust: read only; values that nobody knows are shown as they are."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Permission, User

from contacts.models import Contact, IdentityKey, Message, MessageStatus
from numbers.models import BusinessNumber
from providers.interfaces import TextMessage
from providers.models import Business
from sandbox import Sandbox
from tests import clients, factories
from tests.contacts import senders, writers
from tests.contacts.screens import admin, at, page_of, support

pytestmark = pytest.mark.django_db
ONE = factories.number(100)


@pytest.fixture
def number(acme: Business, sandbox: Sandbox) -> BusinessNumber:
    return senders.our_number(acme, sandbox.url)


@pytest.fixture
def message(acme: Business, number: BusinessNumber) -> Message:
    person = senders.agreed(ONE, acme)
    senders.wrote(person, number, datetime.now(UTC) - timedelta(hours=1))
    return senders.send(person, number, content=TextMessage("It comes tomorrow."))


def test_accepted_is_not_green(message: Message) -> None:
    page = support().get(at("message_changelist")).content.decode()
    assert "Accepted by the provider" in page
    assert "badge-good" not in page


def test_a_message_shows_its_text_its_statuses_and_its_way(message: Message, number: BusinessNumber) -> None:
    senders.tell(number, senders.status(message, "delivered", identity_hash=senders.HASH))
    senders.tell(number, senders.status(message, "failed", code="131026"))
    text = page_of(support(), "message_change", message.pk)
    for words in ("It comes tomorrow.", "Delivered", "Not delivered", "131026", "Opt-in", "none", message.wamid):
        assert words in text, words


def test_a_purged_text_is_said_to_be_gone(message: Message) -> None:
    Message.objects.update(body=None, purged_at=datetime.now(UTC))
    assert "Removed: texts are kept for 30 days." in page_of(support(), "message_change", message.pk)
    person = page_of(support(), "contact_change", message.contact_id)
    assert "Text removed: texts are kept for 30 days." in person
    assert "It comes tomorrow." not in person


def test_a_status_that_nobody_knows_is_shown_as_it_is(message: Message, number: BusinessNumber) -> None:
    senders.tell(number, senders.status(message, "teleported"))
    assert "teleported" in page_of(support(), "messagestatus_changelist")
    status = MessageStatus.objects.get()
    assert "teleported" in page_of(support(), "messagestatus_change", status.pk)
    assert "teleported" in page_of(support(), "contact_change", message.contact_id)


def test_states_that_nobody_knows_are_shown_as_they_are(message: Message) -> None:
    Message.objects.update(state="ODD", basis="OPT_IN")
    assert "ODD" in page_of(support(), "message_changelist")


def test_trust_that_was_first_seen_is_never_said_to_be_verified(message: Message, number: BusinessNumber) -> None:
    senders.tell(number, senders.status(message, "delivered", identity_hash=senders.HASH))
    page = support().get(at("identitytrust_changelist")).content.decode()
    assert "First seen" in page
    assert "badge-good" not in page
    text = page_of(support(), "contact_change", message.contact_id)
    assert "First seen" in text
    senders.trusts(message.contact, number)
    assert "badge-good" in support().get(at("identitytrust_changelist")).content.decode()


def test_every_identity_ever_seen_is_on_the_persons_page(message: Message, number: BusinessNumber) -> None:
    now = datetime.now(UTC)
    senders.tell(number, senders.status(message, "delivered", identity_hash=senders.HASH))
    writers.writes(number, ONE, "Hello", at=now, identity_hash=senders.HASH)
    writers.writes(number, ONE, "It is me", at=now + timedelta(seconds=5), identity_hash="Zk9wNewHash=")
    text = page_of(support(), "contact_change", message.contact_id)
    assert "2 identities were ever seen" in text
    assert "Message from the person, Status of our message" in text
    assert "Verify the person" in text
    assert IdentityKey.objects.count() == 3
    assert "Zk9w NewH ash=" in page_of(support(), "identitykey_changelist")


def test_the_persons_page_asks_a_fixed_number_of_questions(
    acme: Business, number: BusinessNumber, django_assert_max_num_queries: object
) -> None:
    person: Contact = senders.agreed(ONE, acme)
    for minute in range(12):
        writers.writes(number, ONE, f"Hello {minute}", at=datetime.now(UTC) - timedelta(minutes=minute))
    browser = admin()
    browser.get(at("contact_change", person.pk))
    with django_assert_max_num_queries(40):  # type: ignore[operator]
        browser.get(at("contact_change", person.pk))


def test_messages_are_for_those_who_may_see_them(message: Message) -> None:
    browser = clients.browser(clients.NOBODY)
    User.objects.get(username="no").user_permissions.add(Permission.objects.get(codename="view_contact"))
    text = page_of(browser, "contact_change", message.contact_id)
    assert "It comes tomorrow." not in text
    assert "WhatsApp identity and reply window" not in text
