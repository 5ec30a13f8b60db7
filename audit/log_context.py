"""What a log line is about beside its words: request, task, run, account, user.

Set around the work, and read by whoever writes the line.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, Token
from typing import Any

#: Whoever sets another name finds it left out: nothing slips into the log under a name that nobody thought of.
NAMES = ("request_id", "task", "run", "event", "account", "operation", "user")

#: The attribute under which a request carries its own.
OF_REQUEST = "log_context"

_about: ContextVar[Mapping[str, Any]] = ContextVar("log_context", default={})  # noqa: B039 - never changed in place


@contextmanager
def about(**names: Any) -> Iterator[None]:
    """Let every line that is written meanwhile carry these; a value that can be called is asked when one is."""
    before = enter(**names)
    try:
        yield
    finally:
        leave(before)


def enter(**names: Any) -> Token[Mapping[str, Any]]:
    """Begin what `about` does where beginning and end are two calls."""
    return _about.set({**_about.get(), **names})


def leave(before: Token[Mapping[str, Any]]) -> None:
    """End what `enter` began."""
    _about.reset(before)


def now(request: object = None) -> dict[str, Any]:
    """Give what a line carries now, or what is known of its request; in a fixed order, without what is not known."""
    values = {**getattr(request, OF_REQUEST, {}), **_about.get()}
    known = {name: values[name]() if callable(values[name]) else values[name] for name in NAMES if name in values}
    return {name: value for name, value in known.items() if value not in (None, "")}
