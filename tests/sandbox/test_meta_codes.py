"""Codes at Meta: asked for, sent to the phone, submitted, and every ending that makes it hard."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from sandbox import Ending, Sandbox
from sandbox.seeds import BANNED_NUMBER_ID, NEW_NUMBER_ID
from tests.sandbox.client import (
    another_code,
    ask_meta,
    code_on_the_phone,
    e164_of,
    is_lost,
    later,
    meta_error,
    request_code,
    said,
    submit_code,
)

E164 = "+15550051310"
SUCCESS = (200, {"success": True})


def placed(sandbox: Sandbox, ending: Ending, **facts: Any) -> tuple[str, str]:
    """Put a number with this ending there and give its id and its digits."""
    return sandbox.add_number(e164_of(ending), **facts), e164_of(ending)


@pytest.mark.parametrize(("method", "language"), [("SMS", "en_US"), ("VOICE", "es_MX"), ("SMS", "en"), ("SMS", "fil")])
def test_a_code_is_sent_and_proves_the_number(sandbox: Sandbox, method: str, language: str) -> None:
    answer = request_code(sandbox, NEW_NUMBER_ID, method=method, language=language)
    assert (answer.status, answer.json) == SUCCESS
    [message] = sandbox.phone.messages(E164)
    assert (message.method, message.language, message.provider) == (method, language, "cloud_api")
    answer = submit_code(sandbox, NEW_NUMBER_ID, message.code)
    assert (answer.status, answer.json) == SUCCESS
    assert sandbox.number(NEW_NUMBER_ID).code_verification_status == "VERIFIED"


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/x-www-form-urlencoded", b"code_method=SMS&language=en"),
        (
            "multipart/form-data; boundary=b7",
            b'--b7\r\nContent-Disposition: form-data; name="code_method"\r\n\r\nSMS\r\n'
            b'--b7\r\nContent-Disposition: form-data; name="language"\r\n\r\nen\r\n--b7--\r\n',
        ),
    ],
)
def test_the_document_s_forms_are_read_too(sandbox: Sandbox, content_type: str, body: bytes) -> None:
    answer = ask_meta(sandbox, "POST", f"{NEW_NUMBER_ID}/request_code", body, content_type=content_type)
    assert (answer.status, answer.json) == SUCCESS
    assert sandbox.phone.last_code(E164)


@pytest.mark.parametrize("content_type", ["multipart/form-data", "multipart/form-data; boundary=x"])
def test_a_form_that_is_none_is_a_bad_parameter(sandbox: Sandbox, content_type: str) -> None:
    answer = ask_meta(sandbox, "POST", f"{NEW_NUMBER_ID}/request_code", b"nothing", content_type=content_type)
    assert meta_error(answer) == (400, 100)


@pytest.mark.parametrize(
    ("method", "language"),
    [("sms", "en"), ("EMAIL", "en"), ("SMS", "xx"), ("SMS", "EN"), ("SMS", "en-US"), ("SMS", "")],
)
def test_a_method_or_language_that_does_not_exist_sends_nothing(sandbox: Sandbox, method: str, language: str) -> None:
    assert meta_error(request_code(sandbox, NEW_NUMBER_ID, method=method, language=language)) == (400, 100)
    assert sandbox.phone.messages(E164) == ()


def test_a_code_works_once_and_then_the_number_is_verified_already(sandbox: Sandbox) -> None:
    request_code(sandbox, NEW_NUMBER_ID)
    code = code_on_the_phone(sandbox, E164)
    submit_code(sandbox, NEW_NUMBER_ID, code)
    again = submit_code(sandbox, NEW_NUMBER_ID, code)
    assert meta_error(again) == (400, 136025)
    assert "already verified" in said(again)
    another = request_code(sandbox, NEW_NUMBER_ID)
    assert meta_error(another) == (400, 136024)
    assert "already verified" in said(another)


def test_a_wrong_code_is_136025_and_the_right_one_still_works(sandbox: Sandbox) -> None:
    request_code(sandbox, NEW_NUMBER_ID)
    code = code_on_the_phone(sandbox, E164)
    assert meta_error(submit_code(sandbox, NEW_NUMBER_ID, another_code(code))) == (400, 136025)
    assert submit_code(sandbox, NEW_NUMBER_ID, code).status == 200


def test_without_a_code_any_is_wrong(sandbox: Sandbox) -> None:
    assert meta_error(submit_code(sandbox, NEW_NUMBER_ID, "123456")) == (400, 136025)


@pytest.mark.parametrize("code", ["12345", "1234567", "12345a", "123-456", "١٢٣٤٥٦", "", 123456, None])
def test_what_is_not_six_digits_in_a_string_is_a_bad_parameter(sandbox: Sandbox, code: Any) -> None:
    assert meta_error(submit_code(sandbox, NEW_NUMBER_ID, code)) == (400, 100)


def test_a_code_is_dead_after_five_wrong_tries(sandbox: Sandbox) -> None:
    request_code(sandbox, NEW_NUMBER_ID)
    code = code_on_the_phone(sandbox, E164)
    for _ in range(5):
        assert "not correct" in said(submit_code(sandbox, NEW_NUMBER_ID, another_code(code)))
    assert "too many times" in said(submit_code(sandbox, NEW_NUMBER_ID, code))
    request_code(sandbox, NEW_NUMBER_ID)
    assert submit_code(sandbox, NEW_NUMBER_ID, code_on_the_phone(sandbox, E164)).status == 200


def test_a_new_code_voids_the_one_before(sandbox: Sandbox) -> None:
    request_code(sandbox, NEW_NUMBER_ID)
    first = code_on_the_phone(sandbox, E164)
    while code_on_the_phone(sandbox, E164) == first:
        request_code(sandbox, NEW_NUMBER_ID)
    assert meta_error(submit_code(sandbox, NEW_NUMBER_ID, first)) == (400, 136025)


def test_a_code_expires_after_ten_minutes(sandbox: Sandbox) -> None:
    request_code(sandbox, NEW_NUMBER_ID)
    with later(minutes=10, seconds=1):
        answer = submit_code(sandbox, NEW_NUMBER_ID, code_on_the_phone(sandbox, E164))
    assert meta_error(answer) == (400, 136025)
    assert "expired" in said(answer)


def test_twenty_codes_in_three_days_are_enough(sandbox: Sandbox) -> None:
    answers = [request_code(sandbox, NEW_NUMBER_ID) for _ in range(21)]
    assert {answer.status for answer in answers[:20]} == {200}
    assert meta_error(answers[20]) == (400, 136024)
    assert "too many" in said(answers[20])
    with later(hours=72, seconds=1):
        assert request_code(sandbox, NEW_NUMBER_ID).status == 200


def test_a_banned_number_gets_no_code(sandbox: Sandbox) -> None:
    assert meta_error(request_code(sandbox, BANNED_NUMBER_ID)) == (403, 368)


def test_a_number_verified_elsewhere_meanwhile_says_so(sandbox: Sandbox) -> None:
    number_id, _ = placed(sandbox, Ending.ALREADY_VERIFIED)
    assert not sandbox.number(number_id).verified
    assert "already verified" in said(request_code(sandbox, number_id))
    assert sandbox.number(number_id).verified


def test_a_code_may_not_be_sent(sandbox: Sandbox) -> None:
    number_id, e164 = placed(sandbox, Ending.CODE_NOT_SENT)
    assert meta_error(request_code(sandbox, number_id)) == (400, 136024)
    assert sandbox.phone.last_code(e164) is None


def test_asking_for_a_code_may_be_throttled_once(sandbox: Sandbox) -> None:
    number_id, _ = placed(sandbox, Ending.CODE_REQUESTS_THROTTLED)
    assert meta_error(request_code(sandbox, number_id)) == (400, 80007)
    assert request_code(sandbox, number_id).status == 200


def test_a_request_for_a_code_may_be_lost_although_the_code_is_sent(sandbox: Sandbox) -> None:
    number_id, e164 = placed(sandbox, Ending.CODE_REQUEST_LOST)
    assert is_lost(sandbox, lambda: request_code(sandbox, number_id))
    assert submit_code(sandbox, number_id, code_on_the_phone(sandbox, e164)).status == 200


def test_a_code_may_be_wrong_whatever_is_typed(sandbox: Sandbox) -> None:
    number_id, e164 = placed(sandbox, Ending.CODE_ALWAYS_WRONG)
    request_code(sandbox, number_id)
    assert meta_error(submit_code(sandbox, number_id, code_on_the_phone(sandbox, e164))) == (400, 136025)


def test_a_wrong_code_may_be_a_plain_100_with_422(sandbox: Sandbox) -> None:
    number_id, e164 = placed(sandbox, Ending.WRONG_CODE_IS_422)
    request_code(sandbox, number_id)
    code = code_on_the_phone(sandbox, e164)
    assert meta_error(submit_code(sandbox, number_id, another_code(code))) == (422, 100)
    assert submit_code(sandbox, number_id, code).status == 200


def test_a_code_may_have_expired_when_it_arrives(sandbox: Sandbox) -> None:
    number_id, e164 = placed(sandbox, Ending.CODE_EXPIRES_AT_ONCE)
    request_code(sandbox, number_id)
    assert "expired" in said(submit_code(sandbox, number_id, code_on_the_phone(sandbox, e164)))


def test_a_code_may_have_to_be_submitted_again_later(sandbox: Sandbox) -> None:
    number_id, e164 = placed(sandbox, Ending.TRY_AGAIN_ONCE)
    request_code(sandbox, number_id)
    code = code_on_the_phone(sandbox, e164)
    first = submit_code(sandbox, number_id, code)
    assert meta_error(first) == (503, 133004)
    assert first.json["error"]["is_transient"] is True
    assert submit_code(sandbox, number_id, code).status == 200


@pytest.mark.parametrize(
    ("ending", "taken"), [(Ending.CODE_TAKEN_ANSWER_LOST, True), (Ending.CODE_NOT_TAKEN_ANSWER_LOST, False)]
)
def test_the_answer_to_a_code_may_be_lost_whether_or_not_it_was_taken(
    sandbox: Sandbox, ending: Ending, taken: bool
) -> None:
    number_id, e164 = placed(sandbox, ending)
    request_code(sandbox, number_id)
    code = code_on_the_phone(sandbox, e164)
    assert is_lost(sandbox, lambda: submit_code(sandbox, number_id, code))
    assert sandbox.number(number_id).verified is taken
    assert submit_code(sandbox, number_id, code).status == (400 if taken else 200)


@pytest.mark.parametrize(
    ("digits", "status", "code"),
    [
        ("400", 400, 100),
        ("401", 401, 190),
        ("403", 403, 10),
        ("429", 400, 80007),
        ("500", 500, 1),
        ("503", 503, 133004),
    ],
)
def test_what_hits_a_whole_call_hits_the_submitted_code_only(
    sandbox: Sandbox, digits: str, status: int, code: int
) -> None:
    number_id = sandbox.add_number(e164_of(digits))
    assert request_code(sandbox, number_id).status == 200
    assert meta_error(submit_code(sandbox, number_id, "123456")) == (status, code)


def test_a_page_of_html_may_come_in_place_of_an_answer(sandbox: Sandbox) -> None:
    number_id = sandbox.add_number("+12025551998")
    answer = submit_code(sandbox, number_id, "123456")
    assert (answer.status, answer.headers["content-type"]) == (502, "text/html")


def test_of_sixteen_threads_with_the_same_code_one_verifies(sandbox: Sandbox) -> None:
    request_code(sandbox, NEW_NUMBER_ID)
    code = code_on_the_phone(sandbox, E164)
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: submit_code(sandbox, NEW_NUMBER_ID, code), range(16)))
    assert sorted(answer.status for answer in answers) == [200] + [400] * 15


def test_of_sixteen_threads_that_guess_five_are_listened_to(sandbox: Sandbox) -> None:
    request_code(sandbox, NEW_NUMBER_ID)
    wrong = another_code(code_on_the_phone(sandbox, E164))
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: said(submit_code(sandbox, NEW_NUMBER_ID, wrong)), range(16)))
    assert sum("not correct" in answer for answer in answers) == 5
