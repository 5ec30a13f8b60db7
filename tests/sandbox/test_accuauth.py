"""AccuAuth, against the page "/check/whatsapp_advanced"."""

import re
from typing import Any

import pytest

from sandbox import Sandbox
from tests.sandbox.client import ask_accuauth, call

HEADERS = {"X-DF-API-ID": "id", "X-DF-API-SECRET": "secret"}


def test_a_number_on_whatsapp_comes_with_the_documented_fields(sandbox: Sandbox) -> None:
    answer = ask_accuauth(sandbox, "987654321")
    assert answer.status == 200
    body = answer.json
    assert re.fullmatch(r"TID[0-9a-f]{32}", body.pop("request_id"))
    assert body == {
        "status": "OK",
        "result": {
            "number": "+51987654321",
            "whatsapp": "yes",
            "status_update": "20231212",
            "signature": "Hello world",
            "business_user": "no",
            "avatar": "yes",
        },
    }


def test_a_number_ending_in_404_is_not_on_whatsapp(sandbox: Sandbox) -> None:
    answer = ask_accuauth(sandbox, "987654404")
    assert answer.status == 200
    assert answer.json["result"]["whatsapp"] == "no"


def test_a_number_ending_in_202_is_pending_twice_and_then_there(sandbox: Sandbox) -> None:
    answers = [ask_accuauth(sandbox, "987654202") for _ in range(4)]
    assert [answer.status for answer in answers] == [400, 400, 200, 200]
    assert [answer.json["status"] for answer in answers] == ["PENDING", "PENDING", "OK", "OK"]


def test_a_number_ending_in_203_is_pending_for_ever(sandbox: Sandbox) -> None:
    assert {ask_accuauth(sandbox, "987654203").json["status"] for _ in range(4)} == {"PENDING"}


def test_the_echo_may_name_a_stranger(sandbox: Sandbox) -> None:
    assert ask_accuauth(sandbox, "987654778").json["result"]["number"] == "+12025550199"


def test_the_result_may_be_empty(sandbox: Sandbox) -> None:
    answer = ask_accuauth(sandbox, "987654780")
    assert (answer.json["status"], answer.json["result"]) == ("OK", {})


@pytest.mark.parametrize("ending", ["777", "779"])
def test_what_makes_sense_in_arrays_only_is_a_plain_yes(sandbox: Sandbox, ending: str) -> None:
    assert ask_accuauth(sandbox, f"987654{ending}").json["result"]["whatsapp"] == "yes"


@pytest.mark.parametrize(
    ("ending", "http_status", "status"),
    [
        ("400", 400, "INVALID_ARGUMENT"),
        ("401", 401, "UNAUTHORIZED"),
        ("403", 403, "NO_PERMISSION"),
        ("422", 500, "INTERNAL_ERROR"),
        ("429", 403, "RATE_LIMIT_EXCEEDED"),
        ("500", 500, "INTERNAL_ERROR"),
        ("503", 503, "INTERNAL_ERROR"),
    ],
)
def test_numbers_reach_the_documented_errors(sandbox: Sandbox, ending: str, http_status: int, status: str) -> None:
    answer = ask_accuauth(sandbox, f"987654{ending}")
    assert (answer.status, answer.json["status"]) == (http_status, status)
    assert answer.json["reason"]
    assert answer.json["request_id"].startswith("TID")


@pytest.mark.parametrize(
    ("secret", "http_status", "status"),
    [
        ("", 401, "UNAUTHORIZED"),
        ("my-revoked-secret", 401, "UNAUTHORIZED"),
        ("my-expired-secret", 401, "KEY_EXPIRED"),
        ("my-noperm-secret", 403, "NO_PERMISSION"),
        ("my-quota-secret", 403, "OUT_OF_QUOTA"),
    ],
)
def test_the_secret_says_how_the_account_stands(sandbox: Sandbox, secret: str, http_status: int, status: str) -> None:
    answer = ask_accuauth(sandbox, "987654321", secret=secret)
    assert (answer.status, answer.json["status"]) == (http_status, status)


@pytest.mark.parametrize("api_id", ["", "revoked-id"])
def test_an_id_that_is_missing_or_revoked_is_unauthorized(sandbox: Sandbox, api_id: str) -> None:
    assert ask_accuauth(sandbox, "987654321", api_id=api_id).json["status"] == "UNAUTHORIZED"


def test_a_missing_number_is_refused_in_the_documented_words(sandbox: Sandbox) -> None:
    answer = call(sandbox, "POST", "/check/whatsapp_advanced", headers=HEADERS, body={"callback": ""})
    assert answer.status == 400
    assert answer.json["status"] == "INVALID_ARGUMENT"
    assert answer.json["reason"] == "argument 'number': not found"


@pytest.mark.parametrize("number", ["+51987654321", "51987654321", "98765432", "987 654 321", 987654321, None])
def test_only_national_numbers_of_peru_are_taken(sandbox: Sandbox, number: Any) -> None:
    answer = call(sandbox, "POST", "/check/whatsapp_advanced", headers=HEADERS, body={"number": number})
    assert (answer.status, answer.json["status"]) == (400, "INVALID_ARGUMENT")


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_object_is_an_invalid_argument(sandbox: Sandbox, body: bytes) -> None:
    answer = call(sandbox, "POST", "/check/whatsapp_advanced", headers=HEADERS, body=body)
    assert (answer.status, answer.json["status"]) == (400, "INVALID_ARGUMENT")


def test_another_api_is_not_found(sandbox: Sandbox) -> None:
    answer = call(sandbox, "POST", "/check/whatsapp", headers=HEADERS, body={"number": "987654321"})
    assert (answer.status, answer.json["status"]) == (404, "NOT_FOUND")
