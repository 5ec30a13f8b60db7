"""What reached the sandbox, in order of arrival: the proof of what left the product.

It never stores a credential: of the headers only their names, of the path no query.
"""

import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace


@dataclass(frozen=True, slots=True)
class Entry:
    """One request; `answered_status` is None until it is answered, and for ever when the connection was closed."""

    number: int
    at: float
    provider: str
    method: str
    path: str
    numbers: tuple[str, ...]
    header_names: tuple[str, ...]
    answered_status: int | None = None

    def as_json(self) -> dict[str, object]:
        """Give the entry as JSON values."""
        return asdict(self)


class Journal:
    """The entries, for any number of threads. Numbers go on rising after `clear`."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._entries: list[Entry] = []
        self._next_number = 1

    def __len__(self) -> int:
        with self._changed:
            return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries())

    def entries(self, provider: str | None = None) -> tuple[Entry, ...]:
        """Give the entries as they stand now, oldest first, of one provider or of all."""
        with self._changed:
            return tuple(entry for entry in self._entries if provider in (None, entry.provider))

    def numbers(self, provider: str | None = None) -> tuple[str, ...]:
        """Give every number that was asked about, in order and with repeats."""
        return tuple(number for entry in self.entries(provider) for number in entry.numbers)

    def received(
        self, *, provider: str, method: str, path: str, numbers: tuple[str, ...], header_names: tuple[str, ...]
    ) -> int:
        """Write down a request on arrival, so that one still being answered can be seen; give its number."""
        with self._changed:
            number = self._next_number
            self._next_number += 1
            self._entries.append(Entry(number, time.time(), provider, method, path, numbers, header_names))
            self._changed.notify_all()
            return number

    def answered(self, number: int, status: int | None) -> None:
        """Write down how a request was answered; one that was cleared away meanwhile stays away."""
        with self._changed:
            # Numbers are consecutive, so the place follows from the first one: no search under the lock.
            place = number - self._entries[0].number if self._entries else -1
            if place >= 0:
                self._entries[place] = replace(self._entries[place], answered_status=status)
                self._changed.notify_all()

    def clear(self) -> None:
        """Forget the entries; what the providers remember about a number stays."""
        with self._changed:
            self._entries.clear()

    def wait_for(self, count: int, *, timeout: float = 5.0) -> bool:
        """Wait until at least `count` requests have arrived; False when they did not in time."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self._entries) >= count, timeout)
