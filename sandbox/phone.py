"""The phone of every business number: the SMS and calls that brought a code. The one place where a code can be read."""

import threading
from collections import deque
from dataclasses import dataclass, field

#: The oldest messages go when there are more.
KEPT = 1000


@dataclass(frozen=True, slots=True)
class Message:
    """One SMS or one voice call with a code."""

    number: str
    at: float
    expires_at: float
    provider: str
    method: str
    language: str
    code: str = field(repr=False)

    def as_json(self) -> dict[str, object]:
        """Give the message as JSON values."""
        return {
            "number": self.number,
            "at": self.at,
            "expires_at": self.expires_at,
            "provider": self.provider,
            "method": self.method,
            "language": self.language,
            "code": self.code,
        }


class Phone:
    """What arrived, newest first, for any number of threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._messages: deque[Message] = deque(maxlen=KEPT)

    def receive(self, message: Message) -> None:
        """Let a message arrive."""
        with self._lock:
            self._messages.appendleft(message)

    def messages(self, e164: str | None = None) -> tuple[Message, ...]:
        """Give what arrived for one number or for all, newest first."""
        with self._lock:
            return tuple(message for message in self._messages if e164 in (None, message.number))

    def last_code(self, e164: str) -> str | None:
        """Give the code that arrived last for a number, whether or not it is still good; None when none arrived."""
        return next((message.code for message in self.messages(e164)), None)
