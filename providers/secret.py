"""A value that must not be seen: it refuses to be printed, pickled, copied into JSON or compared in the open."""

import hmac
from typing import NoReturn

from audit.redaction import remember


class SecretExposed(TypeError):
    """Something tried to write a secret down."""


class Secret:
    """Holds a credential or one-time code; only `reveal()` gives it, at the moment it is sent."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Give the value itself, to be put on the wire and nowhere else; the log hides it from now on."""
        remember(self._value)
        return self._value

    def last_four(self) -> str:
        """Give the last four characters, or nothing where they would be most of the value."""
        return self._value[-4:] if len(self._value) >= 12 else ""

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        raise SecretExposed("a secret is not a key")

    def __repr__(self) -> str:
        return "Secret(…)"

    def __str__(self) -> str:
        raise SecretExposed("a secret has no text; reveal() it where it is sent")

    def __format__(self, spec: str) -> str:
        raise SecretExposed("a secret has no text; reveal() it where it is sent")

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise SecretExposed("a secret cannot be pickled or copied")
