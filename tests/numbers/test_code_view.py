"""Requesting and entering a code in the console: what a person sees, and that a code is nowhere afterwards."""

import re
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.contrib.sessions.models import Session
from django.core.signals import got_request_exception
from django.test import Client
from django.views.debug import ExceptionReporter

from numbers import codes as journey
from numbers.forms import CodeForm, PinForm
from numbers.models import BusinessNumber, VerificationAttempt
from providers.models import Business
from sandbox import Ending, Sandbox
from tests import clients
from tests.numbers import stage

CANARY = "739104"


@pytest.fixture
def support(db: None) -> Client:
    return clients.browser(clients.SUPPORT)


@pytest.fixture
def number(acme: Business, sandbox: Sandbox) -> BusinessNumber:
    return stage.cloud_number(acme, sandbox)


def page(browser: Client, number: BusinessNumber, step: str = "") -> str:
    return stage.said(browser.get(stage.at("businessnumber_change", number.pk) + f"?step={step}"))


def ask(browser: Client, number: BusinessNumber, **fields: str) -> str:
    return stage.after(browser, "request_code", number, **{"method": "SMS", "language": "en_US"} | fields)


def enter(browser: Client, number: BusinessNumber, code: str) -> str:
    return stage.after(browser, "submit_code", number, code=code)


def submissions(sandbox: Sandbox) -> int:
    return sum(entry.path.endswith(("/verify_code", "/number/verify")) for entry in sandbox.journal.entries())


def test_a_code_is_asked_for_and_entered(support: Client, number: BusinessNumber, sandbox: Sandbox) -> None:
    text = ask(support, number)
    assert "The code is on its way." in text
    assert "Meta sent an SMS with six digits to +1 202-555-1100." in text
    assert "5 of 5 tries left" in text
    code = sandbox.phone.last_code(number.e164)
    assert code
    text = enter(support, number, f"{code[:3]}-{code[3:]}")
    assert "Is there a PIN?" in text
    assert "Verified" in text
    attempt = VerificationAttempt.objects.filter(action="SUBMIT_CODE").get()
    assert (attempt.outcome, attempt.actor) == ("DONE", "support")


def test_the_method_is_preselected_by_the_type_of_line_and_explained(
    support: Client, acme: Business, sandbox: Sandbox
) -> None:
    fixed = stage.cloud_number(acme, sandbox, e164="+442079460101")
    response = support.get(stage.at("businessnumber_change", fixed.pk))
    assert re.search(r'value="VOICE"[^>]*checked', response.content.decode())
    assert re.search(r'value="en_GB"[^>]*selected', response.content.decode())
    assert "an SMS rarely arrives there" in stage.said(response)


def test_before_a_call_somebody_says_that_they_are_ready(
    support: Client, number: BusinessNumber, sandbox: Sandbox
) -> None:
    text = ask(support, number, method="VOICE")
    assert "from abroad, and cannot dial an extension" in text
    assert "We are ready" in text
    assert sandbox.phone.last_code(number.e164) is None
    assert "Meta is calling now." in ask(support, number, method="VOICE", ready="on")
    assert sandbox.phone.last_code(number.e164)


@pytest.mark.parametrize("fields", [{"method": "FAX"}, {"language": "xx_XX"}, {"method": ""}])
def test_a_method_or_language_that_does_not_exist_is_refused_before_anything_leaves(
    fields: dict[str, str], support: Client, number: BusinessNumber, sandbox: Sandbox
) -> None:
    ask(support, number, **fields)
    assert not VerificationAttempt.objects.exists()
    assert sandbox.phone.last_code(number.e164) is None


@pytest.mark.parametrize(
    ("typed", "rule"),
    [
        ("", "The code is missing."),
        ("12345", "The code has six digits"),
        ("1234567", "The code has six digits"),
        ("12a456", "The code consists of six digits"),
        ("١٢٣٤٥٦", "digits of another alphabet"),
    ],
)
def test_what_is_no_code_is_refused_in_words_and_never_drawn_again(
    typed: str, rule: str, support: Client, number: BusinessNumber, sandbox: Sandbox
) -> None:
    ask(support, number)
    response = support.post(stage.at("businessnumber_submit_code", number.pk), {"code": typed}, follow=True)
    assert rule in stage.said(response)
    assert "5 of 5 tries left" in stage.said(response)
    field = re.search(r'<input[^>]*name="code"[^>]*>', response.content.decode())
    assert field and "value=" not in field[0]
    if typed:
        assert typed not in response.content.decode()
    assert submissions(sandbox) == 0


def test_the_code_field_is_made_for_one_time_codes(support: Client, number: BusinessNumber) -> None:
    ask(support, number)
    body = support.get(stage.at("businessnumber_change", number.pk)).content.decode()
    field = re.search(r'<input[^>]*name="code"[^>]*>', body)
    assert field
    for attribute in ('type="text"', 'inputmode="numeric"', 'autocomplete="one-time-code"'):
        assert attribute in field[0]
    assert "autofocus" not in field[0] and "maxlength" not in field[0]


def test_a_wrong_code_says_what_why_and_what_to_do_and_counts(
    support: Client, number: BusinessNumber, sandbox: Sandbox
) -> None:
    ask(support, number)
    right = sandbox.phone.last_code(number.e164)
    wrong = "000000" if right != "000000" else "111111"
    text = enter(support, number, wrong)
    assert "The code is wrong." in text and "What to do:" in text
    assert "136025" in text and "Trace id" in text and "The provider's words:" in text
    assert "4 of 5 tries left" in text
    assert "The code is wrong." in page(support, number), "it is still said after a reload"


def test_after_five_tries_nothing_leaves_any_more(support: Client, number: BusinessNumber, sandbox: Sandbox) -> None:
    ask(support, number)
    right = sandbox.phone.last_code(number.e164)
    for _turn in range(7):
        text = enter(support, number, "000000" if right != "000000" else "111111")
    assert submissions(sandbox) == 5
    assert "5 tries for one code: our limit" in text
    assert "0 of 5 tries left" in text


def test_the_wait_for_another_code_comes_from_the_server_and_survives_a_reload(
    support: Client, number: BusinessNumber
) -> None:
    for _turn in range(3):
        ask(support, number)
    assert "3 codes in 10 minutes for one number: our limit" in ask(support, number)
    for _reload in range(2):
        body = support.get(stage.at("businessnumber_change", number.pk) + "?step=request_code").content.decode()
        seconds = re.search(r'data-seconds="(\d+)"', body)
        assert seconds and 590 <= int(seconds[1]) <= 600
        assert re.search(r"Another code may be sent at\s+<time", body), "the time stands there without a script too"
    VerificationAttempt.objects.update(started_at=datetime.now(UTC) - timedelta(minutes=11))
    assert (
        "data-seconds"
        not in support.get(stage.at("businessnumber_change", number.pk) + "?step=request_code").content.decode()
    )


def test_a_number_that_was_verified_elsewhere_is_green(support: Client, acme: Business, sandbox: Sandbox) -> None:
    number = stage.cloud_number(acme, sandbox, e164=f"+12025551{Ending.ALREADY_VERIFIED}")
    body = support.post(
        stage.at("businessnumber_request_code", number.pk), {"method": "SMS", "language": "en_US"}, follow=True
    ).content.decode()
    assert "The number is verified already: no code is needed any more." in body
    assert "Is there a PIN?" in body and 'name="code"' not in body


def test_a_lost_answer_is_settled_by_reading(support: Client, acme: Business, sandbox: Sandbox) -> None:
    number = stage.cloud_number(acme, sandbox, e164=f"+12025551{Ending.CODE_TAKEN_ANSWER_LOST}")
    ask(support, number)
    text = enter(support, number, sandbox.phone.last_code(number.e164) or "")
    assert "no answer came back" in text and "It is not sent a second time." in text
    assert submissions(sandbox) == 1
    text = stage.after(support, "settle", number)
    assert "The number is proved to be ours" in text
    assert VerificationAttempt.objects.get(action="SUBMIT_CODE").outcome == "DONE"


def test_kaleyra_asks_the_operator_what_became_of_a_lost_answer(
    support: Client, acme: Business, sandbox: Sandbox
) -> None:
    e164 = f"+9197654{32}{Ending.CODE_TAKEN_ANSWER_LOST}"
    waba = stage.kaleyra_waba(acme, sandbox)
    number = BusinessNumber.objects.create(
        business_account=waba, e164=e164, phone_number_id=sandbox.kaleyra_sends_code(e164)
    )
    text = enter(support, number, sandbox.phone.last_code(e164) or "")
    assert "Is the number verified there?" in text
    attempt = VerificationAttempt.objects.get()
    text = stage.after(support, "settle_by_person", number, attempt=attempt.pk, verified="yes")
    assert "The number is proved to be ours" in text
    number.refresh_from_db()
    assert number.verified_at is not None


def test_a_kaleyra_number_has_only_the_steps_that_apply(support: Client, acme: Business, sandbox: Sandbox) -> None:
    number = stage.kaleyra_number(acme, sandbox)
    text = page(support, number)
    assert "The code was sent when the number was added at Kaleyra; if it expired, ask for another there." in text
    for step in ("Is there a PIN?", "Register the number", "Webhooks", "Throughput", "Request a code"):
        assert step not in text
    assert "Noted. Enter the new code" in stage.after(support, "code_sent", number)
    text = enter(support, number, sandbox.phone.last_code(number.e164) or "")
    assert "It is verified at Kaleyra" in text


def test_kaleyras_try_again_later_is_an_answer(support: Client, acme: Business, sandbox: Sandbox) -> None:
    e164 = f"+9197654{32}{Ending.TRY_AGAIN_ONCE}"
    waba = stage.kaleyra_waba(acme, sandbox)
    number = BusinessNumber.objects.create(
        business_account=waba, e164=e164, phone_number_id=sandbox.kaleyra_sends_code(e164)
    )
    code = sandbox.phone.last_code(e164) or ""
    assert "Please try again later" in enter(support, number, code)
    assert "It is verified at Kaleyra" in enter(support, number, code)


def test_a_code_is_in_no_session_message_or_ledger(support: Client, number: BusinessNumber) -> None:
    ask(support, number)
    response = support.post(stage.at("businessnumber_submit_code", number.pk), {"code": CANARY})
    assert response.status_code == 302
    assert CANARY not in response["Location"]
    assert all(CANARY not in str(message) for message in get_messages(response.wsgi_request))
    assert all(CANARY not in str(session.get_decoded()) for session in Session.objects.all())
    assert all(CANARY not in morsel.value for morsel in support.cookies.values())
    from audit.models import AuditEvent

    assert all(CANARY not in str(event.details) for event in AuditEvent.objects.all())


@pytest.mark.parametrize(
    ("address", "name", "field"),
    [("submit_code", "submit_code", "code"), ("register", "register", "pin"), ("new_pin", "set_pin", "pin")],
)
def test_an_error_report_of_a_crash_holds_no_code_and_no_pin(
    address: str, name: str, field: str, number: BusinessNumber, monkeypatch: pytest.MonkeyPatch
) -> None:
    from numbers import registration

    def crash(**arguments: Any) -> None:
        raise RuntimeError("crashed in the middle")

    monkeypatch.setattr(journey if field == "code" else registration, name, crash)
    reports: list[str] = []

    def report(request: Any, **_signal: Any) -> None:
        reporter = ExceptionReporter(request, *sys.exc_info())
        reports.extend((reporter.get_traceback_text(), reporter.get_traceback_html()))

    got_request_exception.connect(report)
    try:
        browser = clients.browser(clients.SUPPORT)
        browser.raise_request_exception = False
        fields = {field: CANARY, "which": "typed"}
        assert browser.post(stage.at(f"businessnumber_{address}", number.pk), fields).status_code == 500
    finally:
        got_request_exception.disconnect(report)
    assert len(reports) == 2
    assert all("crashed in the middle" in text and CANARY not in text for text in reports)


def test_not_even_a_bound_form_draws_what_was_typed() -> None:
    assert CANARY not in str(CodeForm({"code": CANARY}))
    assert CANARY not in str(PinForm({"which": "typed", "pin": CANARY}, offered=("typed",)))
