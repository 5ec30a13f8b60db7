"""Kaleyra, against the page "Verify Phone Number"."""

import http.client
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from sandbox import Ending, Sandbox
from sandbox.exchange import Request
from sandbox.kaleyra import Kaleyra
from sandbox.magic import Memory
from sandbox.phone import Phone
from sandbox.seeds import (
    KALEYRA_APPROVED_E164,
    KALEYRA_APPROVED_NUMBER_ID,
    KALEYRA_E164,
    KALEYRA_NUMBER_ID,
    KALEYRA_WABA,
    NEW_NUMBER_ID,
    WABA,
    fill,
)
from sandbox.wabas import Directory
from tests.sandbox.client import Answer, another_code, ask_kaleyra, call, code_on_the_phone

RBC001 = {
    "code": "RBC001",
    "message": "Incorrect SID or API key.",
    "data": [],
    "error": {"body": "Incorrect SID or API key.", "error": "record not found"},
}
WA401 = {
    "code": "WA401",
    "message": "Waba_id is not present or does not belong to the account.",
    "data": {},
    "error": {"waba_id": "Waba_id is not present or does not belong to the account."},
}
PAYLOAD = {
    "code": "WA400",
    "message": "Refer to correct payload format",
    "data": {},
    "error": {"payload": "Incorrect payload format"},
}
OTP_FORMAT = {
    "code": "WA400",
    "message": "Incorrect OTP format",
    "data": {},
    "error": {"error": "Incorrect OTP format"},
}
NUMBER = {
    "code": "WA400",
    "message": "invalid phone number",
    "data": [],
    "error": {"phone_number": "invalid phone number"},
}
APPROVED = {
    "code": "WA500",
    "message": "wa phone number already approved",
    "data": [],
    "error": {"error": "wa phone number already approved"},
}
TRY_AGAIN = {
    "code": "WA500",
    "message": "Please try again later",
    "data": {},
    "error": {"error": "Internal server error"},
}


def body(otp: Any, **changes: Any) -> dict[str, Any]:
    """The document's payload, for the number that waits for its code."""
    return {"id": KALEYRA_NUMBER_ID, "phone_number": KALEYRA_E164, "otp": otp} | changes


def with_ending(sandbox: Sandbox, digits: str) -> dict[str, Any]:
    """Have Kaleyra add a number with this ending, and give the payload with the code that it sent."""
    e164 = f"+919765400{digits}"
    number_id = sandbox.kaleyra_sends_code(e164)
    return {"id": number_id, "phone_number": e164, "otp": code_on_the_phone(sandbox, e164)}


def outcome(answer: Answer) -> tuple[int, Any]:
    """Give the HTTP status and the body."""
    return answer.status, answer.json


@pytest.mark.parametrize("number_id", [KALEYRA_NUMBER_ID, int(KALEYRA_NUMBER_ID)])
def test_the_code_that_came_when_the_number_was_added_proves_it(sandbox: Sandbox, number_id: Any) -> None:
    code = code_on_the_phone(sandbox, KALEYRA_E164)
    answer = ask_kaleyra(sandbox, body(code, id=number_id))
    assert outcome(answer) == (
        200,
        {"code": "WA200", "message": "Request Processed Successfully", "data": KALEYRA_NUMBER_ID, "error": {}},
    )
    assert sandbox.number(KALEYRA_NUMBER_ID).verified
    assert outcome(ask_kaleyra(sandbox, body(code))) == (500, APPROVED)


@pytest.mark.parametrize(
    "account", [{"key": ""}, {"key": "a-revoked-key"}, {"sid": "HXAPrevokedIN"}], ids=["no key", "key", "sid"]
)
def test_credentials_that_are_missing_or_revoked_are_rbc001(sandbox: Sandbox, account: dict[str, Any]) -> None:
    assert outcome(ask_kaleyra(sandbox, body("123456"), **account)) == (401, RBC001)


@pytest.mark.parametrize("waba_id", ["999", WABA])
def test_a_waba_that_is_not_the_account_s_is_wa401(sandbox: Sandbox, waba_id: str) -> None:
    assert outcome(ask_kaleyra(sandbox, body("123456"), waba_id=waba_id)) == (401, WA401)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{",
        b"[]",
        {},
        {"id": KALEYRA_NUMBER_ID, "phone_number": KALEYRA_E164},
        body(123456),
        body(None),
        body("123456", id=True),
        body("123456", id=None),
        body("123456", phone_number=919765432198),
    ],
)
def test_another_payload_is_refused_in_the_documented_words(sandbox: Sandbox, payload: Any) -> None:
    assert outcome(ask_kaleyra(sandbox, payload)) == (400, PAYLOAD)


def test_only_json_is_taken(sandbox: Sandbox) -> None:
    form = "application/x-www-form-urlencoded"
    assert outcome(ask_kaleyra(sandbox, body("123456"), content_type=form)) == (400, PAYLOAD)


@pytest.mark.parametrize(
    "changes",
    [
        {"phone_number": "919765432198"},
        {"phone_number": KALEYRA_APPROVED_E164},
        {"id": KALEYRA_APPROVED_NUMBER_ID},
        {"id": NEW_NUMBER_ID},
        {"id": "999"},
    ],
)
def test_a_number_that_is_not_the_id_s_is_invalid(sandbox: Sandbox, changes: dict[str, str]) -> None:
    assert outcome(ask_kaleyra(sandbox, body("123456", **changes))) == (400, NUMBER)


@pytest.mark.parametrize("otp", ["", "12345", "1234567", "12345a", "123-456", "١٢٣٤٥٦"])
def test_what_is_not_six_digits_has_the_wrong_format(sandbox: Sandbox, otp: str) -> None:
    assert outcome(ask_kaleyra(sandbox, body(otp))) == (400, OTP_FORMAT)


def test_an_approved_number_says_so(sandbox: Sandbox) -> None:
    approved = {"id": KALEYRA_APPROVED_NUMBER_ID, "phone_number": KALEYRA_APPROVED_E164}
    assert outcome(ask_kaleyra(sandbox, body("123456", **approved))) == (500, APPROVED)


def test_for_a_wrong_code_there_are_no_words_but_to_try_again(sandbox: Sandbox) -> None:
    code = code_on_the_phone(sandbox, KALEYRA_E164)
    assert outcome(ask_kaleyra(sandbox, body(another_code(code)))) == (500, TRY_AGAIN)
    assert ask_kaleyra(sandbox, body(code)).status == 200


def test_for_an_expired_code_neither_and_a_fresh_one_works(sandbox: Sandbox) -> None:
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=11)):
        assert outcome(ask_kaleyra(sandbox, body(code_on_the_phone(sandbox, KALEYRA_E164)))) == (500, TRY_AGAIN)
        assert sandbox.kaleyra_sends_code(KALEYRA_E164, method="VOICE") == KALEYRA_NUMBER_ID
        assert sandbox.phone.messages(KALEYRA_E164)[0].method == "VOICE"
        assert ask_kaleyra(sandbox, body(code_on_the_phone(sandbox, KALEYRA_E164))).status == 200


@pytest.mark.parametrize(
    ("ending", "status", "expected"),
    [
        (Ending.ALREADY_VERIFIED, 500, APPROVED),
        (Ending.CODE_ALWAYS_WRONG, 500, TRY_AGAIN),
        (Ending.CODE_EXPIRES_AT_ONCE, 500, TRY_AGAIN),
        ("400", 400, PAYLOAD),
        ("401", 401, RBC001),
        ("403", 401, WA401),
        ("429", 429, TRY_AGAIN),
        ("500", 500, TRY_AGAIN),
        ("503", 503, TRY_AGAIN),
    ],
)
def test_numbers_reach_the_documented_errors(sandbox: Sandbox, ending: str, status: int, expected: Any) -> None:
    assert outcome(ask_kaleyra(sandbox, with_ending(sandbox, ending))) == (status, expected)


def test_a_code_may_have_to_be_submitted_again_later(sandbox: Sandbox) -> None:
    payload = with_ending(sandbox, Ending.TRY_AGAIN_ONCE)
    assert outcome(ask_kaleyra(sandbox, payload)) == (500, TRY_AGAIN)
    assert ask_kaleyra(sandbox, payload).status == 200


@pytest.mark.parametrize(
    ("ending", "taken"), [(Ending.CODE_TAKEN_ANSWER_LOST, True), (Ending.CODE_NOT_TAKEN_ANSWER_LOST, False)]
)
def test_the_answer_may_be_lost_whether_or_not_the_code_was_taken(
    sandbox: Sandbox, ending: Ending, taken: bool
) -> None:
    payload = with_ending(sandbox, ending)
    with pytest.raises(http.client.RemoteDisconnected):
        ask_kaleyra(sandbox, payload)
    assert sandbox.number(payload["id"]).verified is taken
    assert ask_kaleyra(sandbox, payload).status == (500 if taken else 200)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"/v2/sid/whatsapp/{KALEYRA_WABA}/number/verify"),
        ("POST", f"/v2/sid/whatsapp/{KALEYRA_WABA}/number/add"),
        ("POST", "/v2/sid/sms"),
    ],
)
def test_other_calls_are_not_found(sandbox: Sandbox, method: str, path: str) -> None:
    assert call(sandbox, method, path, headers={"api-key": "key"}, body={}).status == 404


def test_a_call_waits_while_another_one_holds_the_numbers() -> None:
    directory = Directory(Phone())
    fill(directory)
    payload = json.dumps(body("123456")).encode()
    headers = {"api-key": "key", "content-type": "application/json"}
    request = Request("POST", f"/v2/sid/whatsapp/{KALEYRA_WABA}/number/verify", headers, payload)
    with ThreadPoolExecutor(1) as pool:
        with directory.lock:
            answering = pool.submit(Kaleyra(Memory(), directory).answer, request)
            with pytest.raises(TimeoutError):
                answering.result(timeout=0.1)
        assert answering.result(timeout=5).status == 500


def test_the_number_is_in_the_journal(sandbox: Sandbox) -> None:
    ask_kaleyra(sandbox, body("123456"))
    assert sandbox.journal.numbers("kaleyra") == (KALEYRA_E164,)
