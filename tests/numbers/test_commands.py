"""The commands about our own numbers: the same journeys, a secret from standard input only, an exit code that tells."""

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from numbers.models import BusinessNumber, VerificationAttempt
from providers.models import Business, ProviderAccount
from providers.secret import Secret
from sandbox import Ending, Sandbox
from sandbox.seeds import KALEYRA_NUMBER_ID, WABA
from tests import factories
from tests.contacts.command_runs import Ran, run
from tests.numbers import stage
from tests.numbers.flows import code_of, now, reached, request, wrong_code_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def number(acme: Business, sandbox: Sandbox) -> BusinessNumber:
    """A number at the Cloud API that is neither verified nor registered."""
    return stage.cloud_number(acme, sandbox)


def typed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Let standard input hold this."""
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


def test_a_number_goes_from_added_to_working_by_commands(
    acme: Business, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.cloud_waba(acme, sandbox)

    added = run("add_number", "+1 202 555 1100", "--waba", WABA, "--name", "Acme")
    assert added.code == 0 and added.rows[0]["e164"] == "+12025551100"
    phone_number_id = added.rows[0]["phone_number_id"]
    asked = run("request_code", phone_number_id, "--method", "SMS", "--language", "en_US")
    assert (asked.code, asked.rows[0]["outcome"], asked.rows[0]["method"]) == (0, "done", "SMS")
    number = BusinessNumber.objects.get()
    typed(monkeypatch, f"{code_of(sandbox, number)[:3]}-{code_of(sandbox, number)[3:]}\n")
    done = run("submit_code", phone_number_id)
    assert (done.code, done.rows[0]["outcome"], done.rows[0]["code_verification_status"]) == (0, "done", "VERIFIED")
    assert done.rows[0]["already_verified"] is False and done.rows[0]["tries_left"] == 4
    typed(monkeypatch, "482913\n")
    registered = run("register_number", phone_number_id)
    assert (registered.code, registered.rows[0]["status"]) == (0, "CONNECTED")
    on = run("identity_check", phone_number_id, "on")
    assert (on.code, on.rows[0]["wanted"], on.rows[0]["confirmed"], on.rows[0]["read_back"]) == (0, True, True, True)
    number.refresh_from_db()
    assert number.is_registered and number.stored_pin == Secret("482913")
    assert {attempt.actor[:8] for attempt in VerificationAttempt.objects.all()} == {"command:"}


def test_kaleyra_needs_no_request(acme: Business, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    number = stage.kaleyra_number(acme, sandbox)
    typed(monkeypatch, code_of(sandbox, number))

    done = run("submit_code", KALEYRA_NUMBER_ID)

    assert (done.code, done.rows[0]["outcome"]) == (0, "done")
    refused = run("request_code", KALEYRA_NUMBER_ID)
    assert refused.code == 2 and "Kaleyra" in refused.messages


def test_a_wrong_code_is_said_in_words_with_the_next_step(
    number: BusinessNumber, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    request(number)
    wrong = wrong_code_of(sandbox, number)
    typed(monkeypatch, wrong)

    ran = run("submit_code", number.phone_number_id)

    assert (ran.code, ran.rows[0]["outcome"], ran.rows[0]["code"]) == (4, "refused", "136025")
    assert ran.rows[0]["trace_id"] and "Next:" in ran.messages and "136025" in ran.messages
    assert wrong not in ran.messages and wrong not in json.dumps(ran.rows)


def test_a_lost_answer_is_exit_code_4_and_not_sent_again(
    acme: Business, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = stage.cloud_number(acme, sandbox, e164=f"+12025551{Ending.CODE_TAKEN_ANSWER_LOST}")
    request(number)
    typed(monkeypatch, code_of(sandbox, number))

    ran = run("submit_code", number.phone_number_id)

    assert (ran.code, ran.rows[0]["outcome"]) == (4, "unknown") and "No answer" in ran.messages
    assert reached(sandbox, "/verify_code") == 1


@pytest.mark.parametrize("text", ["12345", "12345a", "١٢٣٤٥٦", "", "\n"])
@pytest.mark.parametrize("command", ["submit_code", "register_number"])
def test_what_is_no_code_is_exit_code_2_and_never_echoed(
    number: BusinessNumber, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, text: str, command: str
) -> None:
    typed(monkeypatch, text)

    ran = run(command, number.phone_number_id)

    assert ran.code == 2 and not ran.rows
    assert not text.strip() or text not in ran.messages
    assert reached(sandbox, "/verify_code", "/register") == 0


@pytest.mark.parametrize("command", ["submit_code", "register_number"])
def test_at_a_terminal_nothing_is_echoed(number: BusinessNumber, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

        def readline(self, *args: Any) -> str:
            raise AssertionError("a terminal would echo this")

    asked: list[str] = []

    def unseen(prompt: str) -> str:
        asked.append(prompt)
        return "12345"

    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("getpass.getpass", unseen)

    assert run(command, number.phone_number_id).code == 2 and len(asked) == 1


@pytest.mark.parametrize("command", ["submit_code", "register_number"])
def test_a_secret_is_never_an_argument(number: BusinessNumber, command: str) -> None:
    with pytest.raises(CommandError):
        call_command(command, number.phone_number_id, "123456")


def test_a_limit_is_a_wait_that_says_when_it_frees(number: BusinessNumber) -> None:
    for _click in range(3):
        request(number)

    ran = run("request_code", number.phone_number_id, "--method", "SMS")

    assert (ran.code, ran.rows[0]["outcome"], ran.rows[0]["whose_limit"]) == (4, "waiting", "ours")
    assert ran.rows[0]["free_at"] and "our limit" in ran.messages


def test_the_method_follows_the_line_and_is_explained(acme: Business, sandbox: Sandbox) -> None:
    number = stage.cloud_number(acme, sandbox, e164="+442079460958")

    ran = run("request_code", number.phone_number_id)

    assert (ran.rows[0]["method"], ran.rows[0]["language"]) == ("VOICE", "en_GB")
    assert "fixed line" in ran.messages and "from abroad" in ran.messages


@pytest.mark.parametrize("language", ["xx", "en_us_"])
def test_a_language_that_does_not_exist_is_exit_code_2(number: BusinessNumber, sandbox: Sandbox, language: str) -> None:
    assert run("request_code", number.phone_number_id, "--language", language).code == 2
    assert reached(sandbox, "/request_code") == 0


@pytest.mark.parametrize("command", ["request_code", "submit_code", "register_number"])
@pytest.mark.parametrize("phone_number_id", ["106540352242922/register", "999999999", "", "../me"])
def test_an_id_that_is_none_is_exit_code_2(
    number: BusinessNumber, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, command: str, phone_number_id: str
) -> None:
    before = len(sandbox.journal)
    typed(monkeypatch, "123456")

    assert run(command, phone_number_id).code == 2
    assert len(sandbox.journal) == before


def test_a_number_of_several_accounts_needs_the_account(
    acme: Business, number: BusinessNumber, sandbox: Sandbox
) -> None:
    second = factories.account(acme, "cloud_api", base_url=sandbox.url, name="second")
    waba = number.business_account
    waba.pk, waba.account = None, second
    waba.save()
    BusinessNumber.objects.create(business_account=waba, e164=number.e164, phone_number_id=number.phone_number_id)

    assert "--provider" in run("request_code", number.phone_number_id).messages
    assert run("request_code", number.phone_number_id, "--provider", "second").code == 0
    assert run("request_code", number.phone_number_id, "--provider", "third").code == 2


def test_sync_reads_every_waba_and_says_what_changed(acme: Business, sandbox: Sandbox) -> None:
    stage.cloud_waba(acme, sandbox)

    ran = run("sync_numbers")

    row = ran.rows[0]
    assert (ran.code, row["waba_id"], row["outcome"], row["left_out"]) == (0, WABA, "done", [])
    assert row["created"] == BusinessNumber.objects.count() > 3
    assert run("sync_numbers", WABA).rows[0]["unchanged"] == row["created"]
    assert run("sync_numbers", "999").code == 2


def test_sync_goes_on_where_one_waba_fails(acme: Business, sandbox: Sandbox) -> None:
    first = stage.cloud_waba(acme, sandbox)
    bad = factories.account(
        acme, "cloud_api", base_url=sandbox.url, name="bad", credentials={"access_token": "revoked-token"}
    )
    first.__class__.objects.create(waba_id="1", business=acme, account=bad)

    ran = run("sync_numbers")

    assert ran.code == 4 and {row["outcome"] for row in ran.rows} == {"done", "failed"}
    assert "access token" in ran.messages


def test_sync_without_a_waba_is_exit_code_2(acme: Business, sandbox: Sandbox) -> None:
    stage.kaleyra_waba(acme, sandbox)

    assert run("sync_numbers").code == 2
    assert "Kaleyra" in run("sync_numbers", stage.KALEYRA_WABA).messages


def test_an_added_number_that_is_refused_is_said_in_words(acme: Business, sandbox: Sandbox) -> None:
    stage.cloud_waba(acme, sandbox)

    ran = run("add_number", f"+12025551{Ending.ON_WHATSAPP_APP}", "--waba", WABA, "--name", "Acme")

    assert ran.code == 4 and ran.rows[0]["outcome"] == "failed" and "Next:" in ran.messages
    assert run("add_number", "2025551100", "--waba", WABA, "--name", "Acme").code == 2
    assert run("add_number", "+12025551100", "--waba", "1", "--name", "Acme").code == 2
    moved = run("add_number", f"+12025551{Ending.WITH_ANOTHER_PROVIDER}", "--waba", WABA, "--migrate")
    assert moved.code == 0


def test_a_wrong_pin_is_exit_code_4(acme: Business, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    number = stage.cloud_number(
        acme, sandbox, e164=f"+12025551{Ending.PIN_MISMATCH}", code_verification_status="VERIFIED"
    )

    def register() -> Ran:
        typed(monkeypatch, "482913")
        return run("register_number", number.phone_number_id)

    assert (first := register()).code == 4 and first.rows[0]["code"] == "133005"
    register()
    third = register()
    assert third.code == 4 and third.rows[0]["free_at"] is None and "WhatsApp Manager" in third.messages
    assert reached(sandbox, "/register") == 2


def test_a_toggle_that_is_refused_is_said_in_words(number: BusinessNumber) -> None:
    account: ProviderAccount = number.account
    account.credentials = {"access_token": Secret("noperm-token")}
    account.save()

    ran = run("identity_check", number.phone_number_id, "off")

    assert (ran.code, ran.rows[0]["outcome"], ran.rows[0]["wanted"]) == (4, "refused", False)
    assert "Next:" in ran.messages


def test_a_paused_account_is_exit_code_2(number: BusinessNumber) -> None:
    ProviderAccount.objects.update(paused_at=now(), paused_reason="Maintenance.")

    for command in (("request_code", number.phone_number_id), ("identity_check", number.phone_number_id, "on")):
        ran = run(*command)
        assert ran.code == 2 and "Maintenance" in ran.messages
