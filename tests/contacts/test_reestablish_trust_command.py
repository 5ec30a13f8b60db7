"""reestablish_trust: the way back to trust from a shell, one person at a time."""

from datetime import UTC, datetime, timedelta

import pytest

from contacts.identity import cases, settling
from contacts.models import Contact, IdentityTrust, Message, TrustCase
from numbers.models import BusinessNumber
from providers.models import Business, ProviderAccount
from sandbox import Sandbox
from tests import factories
from tests.contacts.command_runs import Ran, run
from tests.contacts.senders import HASH, agreed, our_number, send, status, tell, trusts
from tests.contacts.writers import open_case

pytestmark = pytest.mark.django_db

ONE = factories.number(100)
WORDS = ("--channel", "phone call", "--evidence", "gave the last order")


@pytest.fixture
def number(acme: Business, sandbox: Sandbox) -> BusinessNumber:
    return our_number(acme, sandbox.url)


@pytest.fixture
def person(acme: Business) -> Contact:
    return agreed(ONE, acme)


@pytest.fixture
def case(number: BusinessNumber, person: Contact) -> TrustCase:
    """The case of a message that Meta held back."""
    trusts(person, number, HASH)
    message = send(person, number)
    tell(number, status(message, "failed", code="137000"))
    return open_case()


def again(*arguments: str, number: BusinessNumber) -> Ran:
    return run("reestablish_trust", ONE, "--from", number.phone_number_id, *arguments)


def test_it_closes_the_case_and_sends_the_held_message_without_a_hash(
    case: TrustCase, number: BusinessNumber, sandbox: Sandbox
) -> None:
    ran = again(*WORDS, number=number)
    assert ran.code == 0, ran.messages
    [row] = ran.rows
    assert (row["case"], row["outcome"], row["trust"], row["status"]) == (
        case.pk,
        "same_person",
        "awaiting_hash",
        "accepted",
    )
    assert row["wamid"] == sandbox.people.messages(ONE)[-1].wamid
    assert sandbox.people.messages(ONE)[-1].identity_hash == ""
    case.refresh_from_db()
    assert (case.outcome, case.channel) == ("SAME_PERSON", "phone call")


def test_it_sends_once_more_where_no_hash_came(case: TrustCase, number: BusinessNumber) -> None:
    again(*WORDS, number=number)
    assert again(*WORDS, number=number).code == 2
    TrustCase.objects.update(hash_expected_until=datetime.now(UTC) - timedelta(minutes=1))
    ran = again(*WORDS, number=number)
    assert (ran.code, Message.objects.filter(resend_of_case=case).count()) == (0, 2)
    assert "verified already" in ran.messages


def test_a_template_or_nothing_may_go_instead(case: TrustCase, number: BusinessNumber) -> None:
    assert again(*WORDS, "--template", "hello_world", number=number).code == 2
    assert open_case() == case
    ran = again(*WORDS, "--no-resend", number=number)
    assert (ran.code, ran.rows[0]["message"], ran.rows[0]["trust"]) == (0, None, "awaiting_hash")
    ran = again(*WORDS, "--template", "hello_world", "--template-language", "en_US", number=number)
    assert (ran.code, Message.objects.get(resend_of_case=case).kind) == (0, "TEMPLATE")


def test_a_refusal_of_the_gate_is_exit_code_three(case: TrustCase, number: BusinessNumber, acme: Business) -> None:
    factories.withdrawn(ONE, acme, now=datetime.now(UTC))
    ran = again(*WORDS, number=number)
    assert (ran.code, ran.rows[0]["reason"], ran.rows[0]["outcome"]) == (3, "WITHDRAWN", "same_person")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--channel", " ", "--evidence", "x"),
        ("--channel", "WhatsApp", "--evidence", "x"),
        ("--channel", "phone", "--evidence", ""),
    ],
)
def test_nothing_is_trusted_without_channel_and_evidence(
    case: TrustCase, number: BusinessNumber, arguments: tuple[str, ...]
) -> None:
    assert again(*arguments, number=number).code == 2
    assert open_case() == case


def test_where_nothing_is_to_be_settled_it_says_so(number: BusinessNumber, person: Contact) -> None:
    assert "nothing to settle" in again(*WORDS, number=number).messages
    trusts(person, number, HASH)
    assert "--again" in again(*WORDS, number=number).messages
    ran = again(*WORDS, "--again", "--no-resend", number=number)
    assert (ran.code, TrustCase.objects.get().reason) == (0, "REQUESTED")


def test_an_unknown_number_of_ours_or_theirs_is_invalid(number: BusinessNumber) -> None:
    assert run("reestablish_trust", ONE, *WORDS).code == 2
    assert run("reestablish_trust", ONE, "--from", "1", *WORDS).code == 2
    assert run("reestablish_trust", "0170", "--from", number.phone_number_id, *WORDS).code == 2


def test_at_a_node_the_identity_is_shown_first_and_then_named(
    onprem_account: ProviderAccount, person: Contact, sandbox: Sandbox
) -> None:
    cases.open_by_hand(
        contact=person, account=onprem_account, business_number=None, actor="tests", now=datetime.now(UTC)
    )
    ours = ("reestablish_trust", ONE, "--provider", onprem_account.name, *WORDS)
    shown = run(*ours)
    assert (shown.code, shown.rows[0]["hash"], shown.rows[0]["trust"]) == (4, sandbox.people.hash(ONE), "mismatched")
    assert run(*ours, "--hash", "another").code == 3
    named = run(*ours, "--hash", shown.rows[0]["hash"])
    assert (named.code, named.rows[0]["trust"]) == (0, "trusted")
    assert IdentityTrust.objects.get().hash == shown.rows[0]["hash"]


def test_there_is_no_way_to_settle_several_at_once() -> None:
    assert not any("all" in name or "bulk" in name or "force" in name for name in vars(settling))
    assert run("reestablish_trust", ONE, factories.number(101), "--from", "1", *WORDS).code != 0
