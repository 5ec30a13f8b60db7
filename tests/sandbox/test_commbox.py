"""CommBox, against the page "Validate WhatsApp account"."""

import re
from urllib.parse import quote

import pytest

from sandbox import Sandbox
from tests.sandbox.client import ask_commbox, call


def test_a_number_on_whatsapp_is_valid_in_the_documented_body(sandbox: Sandbox) -> None:
    answer = ask_commbox(sandbox, "9725551234")
    assert answer.status == 200
    body = answer.json
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z", body.pop("response_time"))
    assert body == {"status": "200", "description": "Operation successful", "data": {"valid": True}}


def test_a_number_ending_in_404_is_not_on_whatsapp(sandbox: Sandbox) -> None:
    assert ask_commbox(sandbox, "9725551404").json["data"] == {"valid": False}


@pytest.mark.parametrize("ending", ["422", "780"])
def test_an_answer_may_leave_out_valid(sandbox: Sandbox, ending: str) -> None:
    answer = ask_commbox(sandbox, f"9725551{ending}")
    assert answer.status == 200
    assert answer.json["data"] == {}


@pytest.mark.parametrize("ending", ["202", "203", "777", "778", "779"])
def test_what_commbox_cannot_say_is_valid(sandbox: Sandbox, ending: str) -> None:
    assert ask_commbox(sandbox, f"9725551{ending}").json["data"] == {"valid": True}


def test_a_rejected_number_is_named_in_the_documented_400(sandbox: Sandbox) -> None:
    answer = ask_commbox(sandbox, "9725551400")
    assert answer.status == 400
    body = answer.json
    assert body["status"] == "400"
    assert body["data"] == [{"recipient": "9725551400", "status": 400, "failed": "Missing required parameter"}]


@pytest.mark.parametrize("number", ["12", "97255512x4", "1234567890123456", "972 555 1234"])
def test_what_is_no_number_is_a_400(sandbox: Sandbox, number: str) -> None:
    answer = ask_commbox(sandbox, quote(number))
    assert answer.status == 400
    assert answer.json["data"][0]["recipient"] == number


@pytest.mark.parametrize("token", ["", "revoked-token"])
def test_credentials_that_are_missing_or_revoked_are_a_401(sandbox: Sandbox, token: str) -> None:
    answer = ask_commbox(sandbox, "9725551234", token=token)
    assert answer.status == 401
    assert (answer.json["status"], answer.json["description"]) == (401, "Unauthorized")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", answer.json["response_time"])


@pytest.mark.parametrize(
    ("ending", "status", "description"),
    [
        ("401", 401, "Unauthorized"),
        ("403", 403, "Forbidden"),
        ("429", 429, "Too Many Requests"),
        ("500", 500, "Internal Server Error"),
    ],
)
def test_documented_errors_carry_an_integer_status(
    sandbox: Sandbox, ending: str, status: int, description: str
) -> None:
    answer = ask_commbox(sandbox, f"9725551{ending}")
    assert answer.status == status
    assert (answer.json["status"], answer.json["description"]) == (status, description)


def test_an_unknown_stream_is_not_found(sandbox: Sandbox) -> None:
    answer = ask_commbox(sandbox, "9725551234", stream="unknown-stream")
    assert answer.status == 404
    assert answer.json["description"] == "Not Found"


def test_an_unsupported_stream_is_not_implemented(sandbox: Sandbox) -> None:
    assert ask_commbox(sandbox, "9725551234", stream="unsupported-stream").status == 501


def test_another_method_is_not_implemented(sandbox: Sandbox) -> None:
    assert call(sandbox, "POST", "/whatsapp/validatecontact/s/9725551234", body={}).status == 501


def test_another_path_is_not_found(sandbox: Sandbox) -> None:
    assert call(sandbox, "GET", "/whatsapp/elsewhere").status == 404


def test_parts_of_the_path_are_decoded_after_they_are_split(sandbox: Sandbox) -> None:
    answer = ask_commbox(sandbox, quote("+9725551234", safe=""), stream=quote("a/b+c==", safe=""))
    assert answer.json["data"] == {"valid": True}
    assert sandbox.journal.numbers("commbox") == ("+9725551234",)
