"""One body of webhooks, and how it is brought to the app: by POST, signed; and the handshake that comes before."""

import dataclasses
import http.client
import secrets
from dataclasses import dataclass
from time import perf_counter
from urllib.parse import urlencode, urlsplit

TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Event:
    """One thing to tell: an entry with one change."""

    waba_id: str
    field: str
    value: object = dataclasses.field(repr=False)

    @property
    def kind(self) -> str:
        """What it is about, without saying it."""
        value = self.value if isinstance(self.value, dict) else {}
        for name, fact in (("statuses", "status"), ("messages", "type")):
            rows = value.get(name)
            if isinstance(rows, list) and rows and isinstance(rows[0], dict):
                return f"{name} {rows[0].get(fact)}"
        return self.field

    def entry(self) -> dict[str, object]:
        """Give it as an entry of a body."""
        return {"id": self.waba_id, "changes": [{"value": self.value, "field": self.field}]}


@dataclass(frozen=True, slots=True)
class Delivery:
    """One body and how its latest attempt was answered; `status` is None while nobody has answered."""

    number: int
    at: float
    kinds: tuple[str, ...]
    body: bytes = dataclasses.field(repr=False)
    attempts: int = 0
    status: int | None = None
    begun: float = dataclasses.field(default_factory=perf_counter, repr=False)


def post(url: str, body: bytes, *, signature: str) -> int | None:
    """Post a body and give the status of the answer; None when there was none."""
    headers = {"Content-Type": "application/json", "User-Agent": "facebookexternalua", "X-Hub-Signature-256": signature}
    answer = _exchange("POST", url, body=body, headers=headers)
    return answer[0] if answer else None


def is_confirmed(url: str, verify_token: str) -> bool:
    """Make the handshake: the app has to know the token, and to say the challenge back as plain text."""
    challenge = str(secrets.randbelow(10**10))
    asked = {"hub.mode": "subscribe", "hub.challenge": challenge, "hub.verify_token": verify_token}
    joined = f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(asked)}"
    answer = _exchange("GET", joined, body=None, headers={"User-Agent": "facebookexternalua"})
    return answer == (200, challenge.encode())


def _exchange(method: str, url: str, *, body: bytes | None, headers: dict[str, str]) -> tuple[int, bytes] | None:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=TIMEOUT_SECONDS)
    try:
        connection.request(method, f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}", body, headers)
        response = connection.getresponse()
        content = response.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return response.status, content
