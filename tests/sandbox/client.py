"""A plain HTTP client for the sandbox's own tests: every answer comes back, none is followed or raised."""

import http.client
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import time_machine

from sandbox import Sandbox, seeds


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def call(
    sandbox: Sandbox, method: str, path: str, *, headers: dict[str, str] | None = None, body: Any = None
) -> Answer:
    """Make one request on a connection of its own; a body that is not bytes is sent as JSON."""
    address = urlsplit(sandbox.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=10)
    content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    try:
        connection.request(method, path, content, headers or {})
        response = connection.getresponse()
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())
    finally:
        connection.close()


def ask_commbox(sandbox: Sandbox, number: str, *, token: str = "sandbox-token", stream: str = "stream-1") -> Answer:
    """Ask CommBox about a number."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return call(sandbox, "GET", f"/whatsapp/validatecontact/{stream}/{number}", headers=headers)


def ask_onprem(sandbox: Sandbox, *numbers: str, token: str = "sandbox-token", **parameters: Any) -> Answer:
    """Ask the node about numbers; it waits unless told otherwise."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    body = {"blocking": "wait", "contacts": list(numbers), **parameters}
    return call(sandbox, "POST", "/v1/contacts", headers=headers, body=body)


def ask_accuauth(sandbox: Sandbox, number: str, *, api_id: str = "id", secret: str = "sandbox-secret") -> Answer:
    """Ask AccuAuth about a national number."""
    headers = {"X-DF-API-ID": api_id, "X-DF-API-SECRET": secret}
    return call(sandbox, "POST", "/check/whatsapp_advanced", headers=headers, body={"number": number})


def ask_meta(
    sandbox: Sandbox,
    method: str,
    path: str,
    body: Any = None,
    *,
    token: str = "sandbox-token",
    content_type: str = "application/json",
) -> Answer:
    """Call the Cloud API below its version."""
    headers = {"Content-Type": content_type} if body is not None else {}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    return call(sandbox, method, f"/v25.0/{path}", headers=headers, body=body)


def request_code(sandbox: Sandbox, phone_number_id: str, *, method: str = "SMS", language: str = "en_US") -> Answer:
    """Have a code sent."""
    body = {"code_method": method, "language": language}
    return ask_meta(sandbox, "POST", f"{phone_number_id}/request_code", body)


def submit_code(sandbox: Sandbox, phone_number_id: str, code: Any) -> Answer:
    """Submit a code at Meta."""
    return ask_meta(sandbox, "POST", f"{phone_number_id}/verify_code", {"code": code})


def register(sandbox: Sandbox, phone_number_id: str, pin: Any) -> Answer:
    """Register a number with a PIN."""
    body = {"messaging_product": "whatsapp", "pin": pin}
    return ask_meta(sandbox, "POST", f"{phone_number_id}/register", body)


def set_identity_check(sandbox: Sandbox, phone_number_id: str, *, on: Any) -> Answer:
    """Turn the identity change check on or off."""
    body = {"user_identity_change": {"enable_identity_key_check": on}}
    return ask_meta(sandbox, "POST", f"{phone_number_id}/settings", body)


def read_identity_check(sandbox: Sandbox, phone_number_id: str) -> Any:
    """Read whether the identity change check is on."""
    return ask_meta(sandbox, "GET", f"{phone_number_id}/settings").json["user_identity_change"]


def code_on_the_phone(sandbox: Sandbox, e164: str) -> str:
    """Read the code that arrived last."""
    code = sandbox.phone.last_code(e164)
    assert code is not None
    return code


def another_code(code: str) -> str:
    """Give six digits that are not this code."""
    return f"{(int(code) + 1) % 1_000_000:06}"


def ask_kaleyra(
    sandbox: Sandbox,
    body: Any,
    *,
    key: str = "sandbox-key",
    sid: str = seeds.KALEYRA_SID,
    waba_id: str = seeds.KALEYRA_WABA,
    content_type: str = "application/json",
) -> Answer:
    """Submit a code at Kaleyra."""
    headers = {"Content-Type": content_type} | ({"api-key": key} if key else {})
    return call(sandbox, "POST", f"/v2/{sid}/whatsapp/{waba_id}/number/verify", headers=headers, body=body)


def meta_error(answer: Answer) -> tuple[int, int]:
    """Give the HTTP status and Meta's code of an answer that is an error."""
    return answer.status, answer.json["error"]["code"]


def said(answer: Answer) -> str:
    """Give what Meta words for the person."""
    return str(answer.json["error"]["error_user_msg"])


def is_lost(sandbox: Sandbox, ask: Callable[[], Answer]) -> bool:
    """Make a call and tell whether the connection was closed in place of an answer."""
    try:
        ask()
    except http.client.RemoteDisconnected:
        return sandbox.journal.entries("cloud_api")[-1].answered_status is None
    return False


def later(**passed: float) -> time_machine.travel:
    """Let time pass."""
    return time_machine.travel(datetime.now(UTC) + timedelta(**passed))


def e164_of(ending: str) -> str:
    """Give a number of the United States with this ending."""
    return f"+12025551{ending}"
