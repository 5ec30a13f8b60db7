"""A plain HTTP client for the sandbox's own tests: every answer comes back, none is followed or raised."""

import http.client
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from sandbox import Sandbox


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
