"""A message from the command to its last status, and a changed identity on the way: all of it over real HTTP."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command

from contacts import messages
from contacts.models import IdentityTrust, Message, Reach, TrustCase
from numbers.models import BusinessNumber
from providers.models import Business
from sandbox import MessageEnding, Sandbox
from sandbox.seeds import CONNECTED_NUMBER_ID, WABA
from tests import factories
from tests.contacts.command_runs import Ran, run
from tests.contacts.senders import agreed, our_number

ONE = factories.number(100)


@pytest.fixture
def told(sandbox: Sandbox, live_server: Any, settings: Any) -> Iterator[Sandbox]:
    """The sandbox, with its webhooks arriving here and the number's identity check on."""
    settings.ALLOWED_HOSTS = ["*"]
    sandbox.webhooks.connect(f"{live_server.url}/webhooks/meta/", "tests-only-app-secret")
    sandbox.subscribe(WABA)
    # Held back while this thread writes: with SQLite in memory the test's server shares its connection.
    sandbox.webhooks.hold()
    yield sandbox
    sandbox.webhooks.disconnect()


@pytest.fixture
def number(told: Sandbox, acme: Business) -> BusinessNumber:
    ours = our_number(acme, told.url)
    assert run("identity_check", CONNECTED_NUMBER_ID, "on").code == 0
    return ours


def send_to(e164: str) -> Ran:
    return run("send_message", "--from", CONNECTED_NUMBER_ID, "--to", e164, "--text", "Your statement is ready.")


def hear(told: Sandbox) -> None:
    """Let every webhook arrive, and process it."""
    told.webhooks.release()
    assert told.webhooks.wait_idle(timeout=10)
    told.webhooks.hold()
    call_command("process_webhooks")


def test_from_the_command_to_the_last_status_and_to_a_changed_identity(number: BusinessNumber, told: Sandbox) -> None:
    agreed(ONE, number.business_account.business)
    told.people.write(ONE, text="Hello, it is me")
    hear(told)

    assert send_to(ONE).code == 0
    hear(told)

    message = Message.objects.get(direction="OUT")
    assert None not in (message.sent_at, message.delivered_at, message.read_at)
    trust = IdentityTrust.objects.get()
    assert (trust.state, trust.hash, trust.basis) == ("TRUSTED", told.people.hash(ONE), "FIRST_SEEN")
    assert Reach.objects.get().reached_at is not None

    assert send_to(ONE).rows[0]["with_hash"] is True
    told.people.change_identity(ONE)
    assert send_to(ONE).code == 0
    hear(told)

    held = Message.objects.filter(direction="OUT").latest("pk")
    assert (held.provider_code, held.delivered_at) == ("137000", None)
    assert IdentityTrust.objects.get().state == "MISMATCHED"
    assert TrustCase.objects.get(closed_at=None).message == held
    sent = len(told.people.messages(ONE))
    refused = send_to(ONE)
    assert (refused.code, refused.rows[0]["reason"]) == (3, "IDENTITY_CHANGED")
    assert len(told.people.messages(ONE)) == sent


@pytest.mark.parametrize("ending", [MessageEnding.STATUS_FIRST, MessageEnding.OUT_OF_ORDER])
def test_statuses_first_and_out_of_order(
    postgresql: None, number: BusinessNumber, told: Sandbox, ending: MessageEnding
) -> None:
    told.webhooks.release()
    one = factories.number(int(ending))
    agreed(one, number.business_account.business)
    told.people.open_window(one)
    told.webhooks.deliver_twice()

    assert send_to(one).code == 0
    hear(told)
    told.webhooks.release()
    told.webhooks.redeliver()
    hear(told)

    message = Message.objects.get()
    assert None not in (message.sent_at, message.delivered_at, message.read_at)
    assert IdentityTrust.objects.get().hash == told.people.hash(one)


def test_free_text_outside_the_window_fails_later_and_says_why(number: BusinessNumber, told: Sandbox) -> None:
    agreed(ONE, number.business_account.business)
    assert send_to(ONE).code == 0
    hear(told)
    message = Message.objects.get()
    problem = messages.problem(message)
    assert message.failed_at is not None
    assert problem is not None and problem.code == "131047"
