"""The On-Premises contacts node, against the page "Contacts"."""

import base64
import http.server
import json
import queue
import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox import Sandbox
from tests.sandbox.client import Answer, ask_onprem, call

BEARER = {"Authorization": "Bearer sandbox-token"}


class Receiver(http.server.ThreadingHTTPServer):
    """Takes callbacks; the first ones are refused with 503 when told so."""

    def __init__(self, *, port: int = 0, refuse_first: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _ReceiverRequest)
        self.received: queue.Queue[tuple[str, Any]] = queue.Queue()
        self.refusals = refuse_first

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hooks/secret/?a=1"


class _ReceiverRequest(http.server.BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        refused = self.server.refusals > 0
        self.server.refusals -= 1
        if not refused:
            self.server.received.put((self.path, body))
        self.send_response(503 if refused else 200)
        self.end_headers()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Keep the test output clean."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A webhook receiver on a free port."""
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def statuses(answer: Answer) -> dict[str, str]:
    """Give the status of each input."""
    return {row["input"]: row["status"] for row in answer.json["contacts"]}


def error(answer: Answer) -> tuple[int, int]:
    """Give the HTTP status and the code of the one documented error, whole."""
    [one] = answer.json["errors"]
    assert set(one) == {"code", "title", "details"}
    return answer.status, one["code"]


def test_rows_are_as_documented_with_a_wa_id_for_valid_numbers_only(sandbox: Sandbox) -> None:
    answer = ask_onprem(sandbox, "+1 (516) 283-7151", "+1-631-555-1404", "+163155588", "+54 9 11 5612-1008")
    assert answer.status == 200
    assert answer.json == {
        "contacts": [
            {"wa_id": "15162837151", "input": "+1 (516) 283-7151", "status": "valid"},
            {"input": "+1-631-555-1404", "status": "invalid"},
            {"input": "+163155588", "status": "failed"},
            {"wa_id": "5491156121008", "input": "+54 9 11 5612-1008", "status": "valid"},
        ]
    }


def test_a_number_without_a_plus_is_read_with_the_nodes_own_calling_code(sandbox: Sandbox) -> None:
    answer = ask_onprem(sandbox, "6315551002", "1-631-555-1002", "98765 43210")
    assert statuses(answer) == {"6315551002": "invalid", "1-631-555-1002": "invalid", "98765 43210": "valid"}
    assert answer.json["contacts"][2]["wa_id"] == "919876543210"


def test_a_number_ending_in_404_is_not_on_whatsapp(sandbox: Sandbox) -> None:
    assert statuses(ask_onprem(sandbox, "+16315551404")) == {"+16315551404": "invalid"}


def test_a_number_ending_in_422_has_failed(sandbox: Sandbox) -> None:
    assert statuses(ask_onprem(sandbox, "+16315551422")) == {"+16315551422": "failed"}


@pytest.mark.parametrize("text", ["+", "+123", "hello", "", "+1234567890123456"])
def test_what_is_no_number_does_not_become_valid(sandbox: Sandbox, text: str) -> None:
    assert statuses(ask_onprem(sandbox, text))[text] in ("failed", "invalid")


def test_rows_may_come_in_reverse_order(sandbox: Sandbox) -> None:
    rows = ask_onprem(sandbox, "+16315551001", "+16315551777").json["contacts"]
    assert [row["input"] for row in rows] == ["+16315551777", "+16315551001"]


def test_a_strangers_row_may_be_added(sandbox: Sandbox) -> None:
    rows = ask_onprem(sandbox, "+16315551778").json["contacts"]
    assert [row["input"] for row in rows] == ["+16315551778", "+12025550199"]


def test_a_number_may_be_answered_twice(sandbox: Sandbox) -> None:
    rows = ask_onprem(sandbox, "+16315551779", "+16315551001").json["contacts"]
    assert [row["input"] for row in rows] == ["+16315551779", "+16315551779", "+16315551001"]


def test_a_number_may_be_left_out(sandbox: Sandbox) -> None:
    assert statuses(ask_onprem(sandbox, "+16315551780", "+16315551001")) == {"+16315551001": "valid"}


@pytest.mark.parametrize(
    ("ending", "status", "code"),
    [
        ("400", 400, 1009),
        ("401", 401, 1005),
        ("403", 403, 1005),
        ("429", 429, 1015),
        ("500", 500, 1014),
        ("503", 503, 1016),
    ],
)
def test_one_number_can_fail_the_whole_call(sandbox: Sandbox, ending: str, status: int, code: int) -> None:
    assert error(ask_onprem(sandbox, "+16315551001", f"+16315551{ending}")) == (status, code)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, 1008),
        ([], 1009),
        ({"contacts": []}, 1009),
        ({"contacts": "+16315551001"}, 1009),
        ({"contacts": [16315551001]}, 1009),
        ({"contacts": ["+16315551001"], "blocking": "maybe"}, 1009),
        ({"contacts": ["+16315551001"], "force_check": "true"}, 1009),
        ({"contacts": ["+16315551001"], "callback": "x"}, 1010),
        (b"{", 1009),
    ],
)
def test_a_request_that_is_not_as_documented_is_an_error(sandbox: Sandbox, body: Any, code: int) -> None:
    assert error(call(sandbox, "POST", "/v1/contacts", headers=BEARER, body=body)) == (400, code)


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer revoked"}, {"D360-API-KEY": "a-revoked-key"}])
def test_credentials_that_are_missing_or_revoked_are_denied(sandbox: Sandbox, headers: dict[str, str]) -> None:
    answer = call(sandbox, "POST", "/v1/contacts", headers=headers, body={"contacts": ["+16315551001"]})
    assert error(answer) == (401, 1005)


def test_the_header_of_a_compatible_host_is_taken(sandbox: Sandbox) -> None:
    body = {"contacts": ["+16315551001"]}
    assert call(sandbox, "POST", "/v1/contacts", headers={"D360-API-KEY": "key"}, body=body).status == 200


def test_login_gives_a_token_for_seven_days(sandbox: Sandbox) -> None:
    basic = base64.b64encode(b"admin:a:password").decode()
    answer = call(sandbox, "POST", "/v1/users/login", headers={"Authorization": f"Basic {basic}"}, body={})
    [user] = answer.json["users"]
    assert set(user) == {"token", "expires_after"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\+00:00", user["expires_after"])
    left = datetime.fromisoformat(user["expires_after"]) - datetime.now(UTC)
    assert timedelta(days=6, hours=23) < left <= timedelta(days=7)
    assert ask_onprem(sandbox, "+16315551001", token=user["token"]).status == 200


@pytest.mark.parametrize("header", ["", "Basic", "Basic !!!", "Basic /w==", "Bearer dXNlcjpwYXNz", "Basic dXNlcjo="])
def test_login_without_a_user_and_password_is_denied(sandbox: Sandbox, header: str) -> None:
    assert error(call(sandbox, "POST", "/v1/users/login", headers={"Authorization": header}, body={})) == (401, 1005)


def test_login_with_a_revoked_password_is_denied(sandbox: Sandbox) -> None:
    basic = base64.b64encode(b"admin:revoked").decode()
    answer = call(sandbox, "POST", "/v1/users/login", headers={"Authorization": f"Basic {basic}"}, body={})
    assert error(answer) == (401, 1005)


def test_with_wait_the_final_status_comes_at_once(sandbox: Sandbox) -> None:
    assert statuses(ask_onprem(sandbox, "+16315551202", blocking="wait")) == {"+16315551202": "valid"}


def test_processing_rows_are_called_back_and_no_others(sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.callback_url = receiver.url
    body = {"contacts": ["+1 631 555 1202", "+16315551001", "+16315551203"]}
    answer = call(sandbox, "POST", "/v1/contacts", headers=BEARER, body=body)
    assert answer.json["contacts"] == [
        {"input": "+1 631 555 1202", "status": "processing"},
        {"wa_id": "16315551001", "input": "+16315551001", "status": "valid"},
        {"input": "+16315551203", "status": "processing"},
    ]
    path, callback = receiver.received.get(timeout=5)
    assert path == "/hooks/secret/?a=1"
    assert callback == {"contacts": [{"wa_id": "16315551202", "input": "+1 631 555 1202", "status": "valid"}]}
    assert statuses(ask_onprem(sandbox, "+16315551202", blocking="no_wait")) == {"+16315551202": "valid"}


def test_a_forced_check_is_processing_again(sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.callback_url = receiver.url
    for _ in range(2):
        answer = ask_onprem(sandbox, "+16315551202", blocking="no_wait", force_check=True)
        assert statuses(answer) == {"+16315551202": "processing"}
        receiver.received.get(timeout=5)


def test_a_number_ending_in_203_is_processing_for_ever_even_with_wait(sandbox: Sandbox) -> None:
    assert statuses(ask_onprem(sandbox, "+16315551203", blocking="wait")) == {"+16315551203": "processing"}


def test_a_callback_is_tried_again_while_the_receiver_refuses(sandbox: Sandbox, receiver: Receiver) -> None:
    receiver.refusals = 2
    sandbox.callback_url = receiver.url
    ask_onprem(sandbox, "+16315551202", blocking="no_wait")
    _, callback = receiver.received.get(timeout=5)
    assert statuses_of(callback) == {"+16315551202": "valid"}


def test_a_callback_is_tried_again_while_nothing_listens(sandbox: Sandbox) -> None:
    with Receiver() as down:
        port = down.server_address[1]
        url = down.url
    sandbox.callback_url = url
    ask_onprem(sandbox, "+16315551202", blocking="no_wait")
    with Receiver(port=port) as up:
        thread = threading.Thread(target=up.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        _, callback = up.received.get(timeout=5)
        up.shutdown()
        thread.join()
    assert statuses_of(callback) == {"+16315551202": "valid"}


def statuses_of(callback: Any) -> dict[str, str]:
    """Give the status of each input of a callback."""
    return {row["input"]: row["status"] for row in callback["contacts"]}


def test_an_identity_is_read_acknowledged_and_read_again(sandbox: Sandbox) -> None:
    path = "/v1/contacts/16315551001/identity"
    before = call(sandbox, "GET", path, headers=BEARER).json["contacts"]
    assert re.fullmatch(r"[A-Za-z0-9+/]{11}=", before["hash"])
    assert isinstance(before["created_timestamp"], int)
    assert before["acknowledged"] is False
    put = call(sandbox, "PUT", path, headers=BEARER, body={"hash": before["hash"]})
    assert (put.status, put.json) == (200, {})
    assert call(sandbox, "GET", path, headers=BEARER).json["contacts"] == {**before, "acknowledged": True}


def test_a_stale_hash_is_not_acknowledged(sandbox: Sandbox) -> None:
    path = "/v1/contacts/16315551001/identity"
    assert error(call(sandbox, "PUT", path, headers=BEARER, body={"hash": "Rc/eg9RQ0JA="})) == (409, 1009)
    assert call(sandbox, "GET", path, headers=BEARER).json["contacts"]["acknowledged"] is False


def test_a_put_without_a_hash_is_an_error(sandbox: Sandbox) -> None:
    assert error(call(sandbox, "PUT", "/v1/contacts/16315551001/identity", headers=BEARER, body={})) == (400, 1008)


@pytest.mark.parametrize("wa_id", ["16315551404", "nobody", "+16315551001"])
def test_the_identity_of_nobody_is_not_found(sandbox: Sandbox, wa_id: str) -> None:
    assert error(call(sandbox, "GET", f"/v1/contacts/{wa_id}/identity", headers=BEARER)) == (404, 1006)


def test_the_identity_calls_know_the_magic_numbers_too(sandbox: Sandbox) -> None:
    assert error(call(sandbox, "GET", "/v1/contacts/16315551500/identity", headers=BEARER)) == (500, 1014)


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/contacts"), ("GET", "/v1/messages")])
def test_other_calls_are_not_found(sandbox: Sandbox, method: str, path: str) -> None:
    assert error(call(sandbox, method, path, headers=BEARER)) == (404, 1006)
