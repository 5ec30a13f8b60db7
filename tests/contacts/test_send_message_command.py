"""send_message: what it prints, how it ends, and that it says what to do next."""

from datetime import UTC, datetime, timedelta

import pytest

from audit.models import AuditEvent
from contacts.models import Message
from numbers.models import BusinessNumber
from providers.models import Business
from sandbox import MessageEnding, Sandbox
from sandbox.seeds import CONNECTED_NUMBER_ID
from tests import factories
from tests.contacts.command_runs import Ran, run
from tests.contacts.senders import agreed, our_number, stranger, trusts, wrote

pytestmark = pytest.mark.django_db

ONE = factories.number(100)


@pytest.fixture
def number(acme: Business, sandbox: Sandbox) -> BusinessNumber:
    return our_number(acme, sandbox.url)


def send_text(to: str = ONE, *more: str) -> Ran:
    return run("send_message", "--from", CONNECTED_NUMBER_ID, "--to", to, "--text", "Hello there", *more)


def test_a_text_is_sent_and_its_row_printed(number: BusinessNumber, acme: Business, sandbox: Sandbox) -> None:
    wrote(agreed(ONE, acme), number, datetime.now(UTC))
    ran = send_text()
    message = Message.objects.get()
    assert ran.code == 0
    assert ran.rows == [
        {
            "to": ONE,
            "from": CONNECTED_NUMBER_ID,
            "status": "accepted",
            "reason": None,
            "message": message.pk,
            "wamid": message.wamid,
            "basis": "opt_in",
            "with_hash": False,
            "code": None,
            "said": None,
            "trace_id": None,
        }
    ]
    assert ran.messages == ""
    assert sandbox.people.messages(ONE)[0].text == "Hello there"
    assert AuditEvent.objects.filter(action="message.accepted").get().actor.startswith("command:")


def test_a_text_outside_the_window_may_be_tried_and_is_warned_about(number: BusinessNumber, acme: Business) -> None:
    agreed(ONE, acme)
    ran = send_text()
    assert ran.code == 0
    assert "131047" in ran.messages and "template" in ran.messages


def test_131047_is_explained(number: BusinessNumber, acme: Business) -> None:
    one = factories.number(int(MessageEnding.REFUSED_AT_ONCE))
    agreed(one, acme)
    ran = send_text(one)
    assert (ran.code, ran.rows[0]["status"], ran.rows[0]["code"]) == (4, "failed", "131047")
    assert "24 hours" in ran.messages and "Send an approved template instead." in ran.messages


def test_a_person_without_consent_is_refused_with_exit_code_3(number: BusinessNumber, sandbox: Sandbox) -> None:
    ran = send_text()
    assert (ran.code, ran.rows[0]["status"], ran.rows[0]["reason"]) == (3, "refused", "NO_OPT_IN")
    assert "opt-in" in ran.messages
    assert len(sandbox.journal) == 0


def test_a_person_whose_identity_changed_is_refused_with_exit_code_3(number: BusinessNumber, acme: Business) -> None:
    trusts(agreed(ONE, acme), number, state="MISMATCHED", basis="")
    ran = send_text()
    assert (ran.code, ran.rows[0]["reason"]) == (3, "IDENTITY_CHANGED")
    assert "verify the person" in ran.messages


def test_a_paused_account_is_waiting_with_exit_code_4(number: BusinessNumber, acme: Business) -> None:
    agreed(ONE, acme)
    account = number.account
    account.paused_at, account.paused_reason = datetime.now(UTC), "quota"
    account.save()
    ran = send_text()
    assert (ran.code, ran.rows[0]["status"], ran.rows[0]["reason"]) == (4, "waiting", "ACCOUNT_PAUSED")


def test_a_lost_answer_is_unknown_with_exit_code_4(number: BusinessNumber, acme: Business) -> None:
    one = factories.number(int(MessageEnding.TAKEN_ANSWER_LOST))
    agreed(one, acme)
    ran = send_text(one)
    assert (ran.code, ran.rows[0]["status"], ran.rows[0]["wamid"]) == (4, "unknown", None)
    assert "never sent again" in ran.messages


def test_a_reply_needs_no_opt_in(number: BusinessNumber) -> None:
    now = datetime.now(UTC)
    wrote(stranger(ONE, now), number, now - timedelta(hours=1))
    ran = send_text()
    assert (ran.code, ran.rows[0]["basis"]) == (0, "reply_window")
    assert send_text(ONE, "--purpose", "marketing").rows[0]["reason"] == "SERVICE_REPLY_ONLY"


def test_the_hash_goes_along_unless_told_otherwise(number: BusinessNumber, acme: Business, sandbox: Sandbox) -> None:
    trusts(agreed(ONE, acme), number, sandbox.people.hash(ONE))
    assert send_text().rows[0]["with_hash"] is True
    assert send_text(ONE, "--no-hash").rows[0]["with_hash"] is False
    assert [sent.identity_hash != "" for sent in sandbox.people.messages(ONE)] == [True, False]


def test_a_template_with_its_values(number: BusinessNumber, acme: Business, sandbox: Sandbox) -> None:
    agreed(ONE, acme)
    arguments = ["--from", CONNECTED_NUMBER_ID, "--to", ONE, "--template", "statement_ready"]
    ran = run("send_message", *arguments, "--template-language", "en_US", "--param", "Pablo", "--param", "May")
    assert (ran.code, ran.messages) == (0, "")
    assert sandbox.people.messages(ONE)[0].template == "statement_ready"


def test_a_marketing_template_is_refused_without_consent_for_marketing(number: BusinessNumber, acme: Business) -> None:
    agreed(ONE, acme)
    arguments = ["--from", CONNECTED_NUMBER_ID, "--to", ONE, "--template", "spring_offer"]
    ran = run("send_message", *arguments, "--template-language", "en_US")
    assert (ran.code, ran.rows[0]["reason"]) == (3, "PURPOSE_NOT_AGREED")


def test_through_a_node_the_account_is_named(acme: Business, sandbox: Sandbox) -> None:
    factories.account(acme, "onprem", base_url=sandbox.url, name="acme-node")
    agreed(ONE, acme)
    ran = run("send_message", "--provider", "acme-node", "--to", ONE, "--text", "Hello")
    assert (ran.code, ran.rows[0]["from"], ran.rows[0]["status"]) == (0, None, "accepted")
    assert len(sandbox.people.messages(ONE)) == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--from", CONNECTED_NUMBER_ID, "--to", "6315551002", "--text", "x"], "no leading +"),
        (["--from", CONNECTED_NUMBER_ID, "--to", ONE, "--text", " "], "empty"),
        (["--from", "12/34", "--to", ONE, "--text", "x"], "digits only"),
        (["--from", "999", "--to", ONE, "--text", "x"], "No number with the id"),
        (["--to", ONE, "--text", "x"], "--from"),
        (["--provider", "nobody", "--to", ONE, "--text", "x"], "no provider account"),
        (["--from", CONNECTED_NUMBER_ID, "--to", ONE, "--template", "a"], "--template-language"),
        (["--from", CONNECTED_NUMBER_ID, "--to", ONE, "--text", "x", "--param", "y"], "belong to --template"),
        (["--from", CONNECTED_NUMBER_ID, "--to", ONE], "required"),
        (["--from", CONNECTED_NUMBER_ID, "--to", ONE, "--text", "x", "--template", "y"], "not allowed with"),
        (["--from", CONNECTED_NUMBER_ID, "--to", ONE, "--text", "x", "--purpose", "fun"], "invalid choice"),
    ],
)
def test_bad_input_is_named_with_exit_code_2(
    number: BusinessNumber, sandbox: Sandbox, arguments: list[str], says: str
) -> None:
    ran = run("send_message", *arguments)
    assert says in ran.messages
    assert ran.code in (1, 2)
    assert len(sandbox.journal) == 0


def test_a_number_in_two_accounts_wants_the_account(number: BusinessNumber, acme: Business, sandbox: Sandbox) -> None:
    from numbers.models import BusinessAccount

    second = factories.account(acme, "cloud_api", base_url=sandbox.url, name="second")
    waba = BusinessAccount.objects.create(waba_id="102290129340398", business=acme, account=second)
    BusinessNumber.objects.create(business_account=waba, e164=number.e164, phone_number_id=CONNECTED_NUMBER_ID)
    agreed(ONE, acme)
    assert "Name one with --provider" in send_text().messages
    assert send_text(ONE, "--provider", "second").code == 0
    assert Message.objects.get().account == second
