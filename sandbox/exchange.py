"""What passes between the server and a provider: one request, one reply. No sockets and no rules live here."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from functools import cached_property
from typing import Protocol
from urllib.parse import parse_qsl

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Request:
    """A request that was received in full; header names are lower-case, the path has no query and is not decoded.

    Its representation holds nothing that may be secret: no header, no query, no body.
    """

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    query_string: str = field(default="", repr=False)

    @cached_property
    def query(self) -> dict[str, str]:
        """The query's parameters; of one that comes twice the last."""
        return dict(parse_qsl(self.query_string, keep_blank_values=True))

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

    @cached_property
    def fields(self) -> dict[str, object] | None:
        """The body's fields, whether it is a JSON object or a form of either kind; None when it cannot be read."""
        match self.content_type:
            case "application/x-www-form-urlencoded":
                return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))
            case "multipart/form-data":
                return _multipart_fields(self.headers["content-type"], self.body)
        return self.json_object if self.body else {}

    @property
    def content_type(self) -> str:
        """The body's media type without its parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def bearer(self) -> str:
        """Give the bearer token, empty when there is none."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else ""


@dataclass(frozen=True)
class Reply:
    """What to send back: `slow` waits first, `hang_up` closes the connection without a byte.

    `first` is done before the reply leaves, outside of every lock.
    """

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: Headers = ()
    slow: bool = False
    hang_up: bool = False
    first: Callable[[], None] | None = None

    @classmethod
    def json(cls, status: int, payload: object, *, first: Callable[[], None] | None = None) -> "Reply":
        """Make a reply of a JSON value."""
        return cls(status, json.dumps(payload).encode(), first=first)


#: The connection is closed without a byte; what the call did, if anything, stays done.
HANG_UP = Reply(0, b"", hang_up=True)


class Provider(Protocol):
    """One provider: where it lives, which numbers a request asks about, and what it answers."""

    name: str
    prefix: str

    def numbers(self, request: Request) -> tuple[str, ...]:
        """Give the numbers that the request names, exactly as asked, whether or not it will be accepted."""

    def answer(self, request: Request) -> Reply:
        """Answer as the provider would."""


def _multipart_fields(content_type: str, body: bytes) -> dict[str, object] | None:
    head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1")
    message = BytesParser(policy=HTTP).parsebytes(head + body)
    if not message.is_multipart():
        return None
    fields: dict[str, object] = {}
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(content, bytes):
            fields[name] = content.decode("utf-8", "replace")
    return fields
