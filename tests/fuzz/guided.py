"""Coverage as a guide: hypothesis climbs towards inputs that run more branches of ours than those before them."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from hypothesis import target

from waadmin import BASE_DIR

_OURS = tuple(f"{BASE_DIR / name}/" for name in ("audit", "contacts", "numbers", "providers", "waadmin", "webhooks"))

Branch = tuple[str, int, int]


class Branches:
    """The branches of our packages that inputs ran, from one line to the next within a function."""

    def __init__(self) -> None:
        self.run: set[Branch] = set()

    @contextmanager
    def followed(self) -> Iterator[None]:
        """Note what runs meanwhile, and tell hypothesis how much that was."""
        found: set[Branch] = set()
        before = sys.gettrace()
        sys.settrace(lambda frame, event, argument: _Follower(found) if _is_ours(frame) else None)
        try:
            yield
        finally:
            sys.settrace(before)
            self.run |= found
        target(float(len(found)), label="branches")


class _Follower:
    """Follows one call of a function from line to line."""

    def __init__(self, found: set[Branch]) -> None:
        self._found, self._last = found, 0

    def __call__(self, frame: FrameType, event: str, argument: Any) -> "_Follower":
        if event == "line":
            self._found.add((frame.f_code.co_filename, self._last, frame.f_lineno))
            self._last = frame.f_lineno
        return self


def _is_ours(frame: FrameType) -> bool:
    return frame.f_code.co_filename.startswith(_OURS)
