"""What passes between the server and a provider: one request, one reply. No sockets and no rules live here."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Request:
    """A request that was received in full; header names are lower-case, the path has no query and is not decoded."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @cached_property
    def json(self) -> object:
        """The body as JSON; None when it cannot be read, which no provider takes for an object either."""
        try:
            payload: object = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        return payload

    @cached_property
    def json_object(self) -> dict[str, object] | None:
        """The body when it is a JSON object."""
        payload = self.json
        return payload if isinstance(payload, dict) else None

    def bearer(self) -> str:
        """Give the bearer token, empty when there is none."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else ""


@dataclass(frozen=True)
class Reply:
    """What to send back: `slow` waits first, `hang_up` closes the connection without a byte."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: Headers = ()
    slow: bool = False
    hang_up: bool = False

    @classmethod
    def json(cls, status: int, payload: object) -> "Reply":
        """Make a reply of a JSON value."""
        return cls(status, json.dumps(payload).encode())


class Provider(Protocol):
    """One provider: where it lives, which numbers a request asks about, and what it answers."""

    name: str
    prefix: str

    def numbers(self, request: Request) -> tuple[str, ...]:
        """Give the numbers that the request names, exactly as asked, whether or not it will be accepted."""

    def answer(self, request: Request) -> Reply:
        """Answer as the provider would."""
