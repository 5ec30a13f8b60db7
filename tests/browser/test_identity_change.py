"""An identity change in the browser, from the mismatch to TRUSTED, with signed webhooks to the live server."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import Browser, Page, expect

from contacts import identity
from contacts.models import Contact, IdentityTrust
from numbers import identity_check
from numbers.models import BusinessNumber
from providers.models import Business
from sandbox import Sandbox
from sandbox.seeds import WABA
from tests import factories
from tests.browser.conftest import Watched
from tests.browser.test_number_onboarding import LOOKS, Walk
from tests.contacts.senders import our_number
from webhooks import draining

PABLO = "+16505551234"
ROSA = factories.number(100)


@pytest.fixture
def told(sandbox: Sandbox, live_server: Any, settings: Any) -> Iterator[Sandbox]:
    """A sandbox whose webhooks come to the live server."""
    sandbox.subscribe(WABA)
    sandbox.webhooks.connect(f"{live_server.url}/webhooks/meta/", "tests-only-app-secret")
    yield sandbox
    sandbox.webhooks.disconnect()


@pytest.fixture
def number(acme: Business, told: Sandbox) -> BusinessNumber:
    """Our number, with its identity check on."""
    ours = our_number(acme, told.url)
    BusinessNumber.objects.filter(pk=ours.pk).update(verified_name="Acme Support")
    identity_check.toggle(number=ours, on=True, actor="tests", now=datetime.now(UTC))
    return BusinessNumber.objects.get(pk=ours.pk)


def process(sandbox: Sandbox) -> None:
    """Do the worker's work: read what the provider has told by now."""
    assert sandbox.webhooks.wait_idle(timeout=10)
    draining.drain(slot=0, until=datetime.now(UTC) + timedelta(seconds=10), linger=0)


def trust_of(contact: Contact, number: BusinessNumber) -> IdentityTrust:
    found = identity.standing(contact=contact, account=number.account, business_number=number)
    assert found is not None
    return found


def take_the_phone(chromium: Browser, sandbox: Sandbox, e164: str) -> Page:
    """Open a person's telephone, in a browser of its own."""
    page = chromium.new_context().new_page()
    page.goto(f"{sandbox.url}/_sandbox/phone/people/{e164[1:]}")
    return page


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_a_changed_identity_is_verified_and_trusted_again(
    width: int,
    scheme: str,
    window: Callable[..., Watched],
    chromium: Browser,
    business_admin: User,
    acme: Business,
    number: BusinessNumber,
    told: Sandbox,
) -> None:
    contact = factories.opted_in(
        PABLO, acme, given_at=datetime.now(UTC) - timedelta(days=20), external_id="customer 7781"
    ).consent.contact
    watched = window(viewport={"width": width, "height": 900}, color_scheme=scheme)
    watched.sign_in_as(business_admin)
    walk = Walk(watched, f"identity-{width}-{scheme}")
    phone = take_the_phone(chromium, told, PABLO)
    person = reverse("admin:contacts_contact_change", args=[contact.pk])

    # He writes, so the reply window is open; the first answer brings his identity.
    phone.get_by_label("Message", exact=True).fill("Where is my statement?")
    phone.get_by_role("button", name="Send", exact=True).click()
    process(told)
    page = watched.go(person)
    expect(page.get_by_text("Reply window open until")).to_be_visible()
    page.get_by_role("link", name="Send a message").click()
    page.get_by_label("Text", exact=True).fill("It comes tomorrow.")
    walk.stop("send")
    walk.press("Send", exact=True)
    expect(page.get_by_text("The provider took the message.")).to_be_visible()
    process(told)
    page = watched.go(person)
    expect(page.get_by_text("First seen").first).to_be_visible()
    first = trust_of(contact, number).hash
    assert first == told.people.hash(PABLO)
    walk.stop("first-seen")

    # His identity changes; the statement is held back and a case opens.
    phone.get_by_role("button", name="Change identity").click()
    page.get_by_role("link", name="Send a message").click()
    page.get_by_label("Text", exact=True).fill("Your statement of May: balance 1,204.50.")
    walk.press("Send", exact=True)
    process(told)
    assert trust_of(contact, number).state == "MISMATCHED"
    page = watched.go("/")
    expect(page.get_by_text("the identity changed")).to_be_visible()
    walk.stop("home")
    page.get_by_role("link", name="Verify", exact=True).click()
    expect(page.get_by_text("Nothing is sent to this person from this number now.")).to_be_visible()
    expect(page.get_by_text("Your statement of May")).to_be_visible()
    walk.stop("case")

    # Nothing else leaves meanwhile, and the refusal leads here.
    page = watched.go(reverse("admin:contacts_contact_send", args=[contact.pk]))
    expect(page.get_by_text("Nothing may be sent.")).to_be_visible()
    walk.stop("refused")
    page.get_by_role("link", name="Open the identity change").click()

    # Somebody else takes it, cannot reach him, tries again and can.
    page.get_by_label("Taken care of by").select_option("ana")
    walk.press("Save")
    page.get_by_role("link", name="I could not reach the person").click()
    walk.stop("not-reached")
    page.get_by_label("Through which channel").fill("phone call")
    page.get_by_label("What you tried").fill("Called the office twice, no answer.")
    walk.press("Keep it open")
    expect(page.get_by_text("To verify: not reached yet")).to_be_visible()
    page.get_by_role("link", name="Somebody else has the number now").click()
    expect(page.get_by_text("This withdraws everything.")).to_be_visible()
    walk.stop("someone-else")
    page.get_by_role("link", name="It is the same person").click()
    walk.press("Same person: send it again")
    expect(page.get_by_text("Nothing was saved.")).to_be_visible()
    walk.stop("same-person-errors")
    page.get_by_label("Through which channel").fill("call to the landline of the contract")
    page.get_by_label("What showed that it is the same person").fill("Named the last order and the delivery address.")
    expect(page.get_by_text("Never write identity numbers, passwords").first).to_be_visible()
    told.webhooks.hold()
    walk.press("Same person: send it again")
    expect(page.get_by_text("Verified: waiting for the new identity").first).to_be_visible()
    walk.stop("awaiting")
    assert told.people.messages(PABLO)[-1].identity_hash == ""

    # The delivery of exactly that message brings the new identity; the page notices by itself.
    told.webhooks.release()
    process(told)
    expect(page.locator(".stage-good", has_text="New identity trusted")).to_be_visible(timeout=10_000)
    walk.stop("trusted")
    trust = trust_of(contact, number)
    assert (trust.state, trust.basis) == ("TRUSTED", "VERIFIED")
    assert trust.hash == told.people.hash(PABLO) != first
    watched.go(person)
    expect(page.locator(".badge", has_text="Verified").first).to_be_visible()
    page.get_by_text("identities were ever seen").click()
    walk.stop("person")
    page.get_by_role("link", name="Send a message").click()
    page.get_by_label("Text", exact=True).fill("Thank you for your patience.")
    walk.press("Send", exact=True)
    process(told)
    assert told.people.messages(PABLO)[-1].identity_hash == trust.hash
    watched.go(reverse("admin:contacts_trustcase_changelist") + "?state=all")
    walk.stop("cases")
    assert walk.findings == [], "\n".join(walk.findings)
