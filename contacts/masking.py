"""People's numbers as whoever looks may see them: in full, or only so much that who has the number knows it again.

Everything is masked unless it is said otherwise for the request, so that a page that forgets to ask shows too little
and never too much. Commands write numbers themselves and are not concerned.
"""

import re
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from django.http import HttpRequest, HttpResponseBase

from numbers import words as number_words

IN_FULL = "contacts.view_full_number"
REVEAL = "contacts.reveal_number"

_SHOWN_DIGITS = 3
_HIDDEN = "•"
_ALL_BUT_THE_LAST = re.compile(rf"\d(?=(?:\D*\d){{{_SHOWN_DIGITS}}})")
_A_TIME = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:?\d\d)?)?", re.ASCII)
_in_full: ContextVar[bool] = ContextVar("numbers_in_full", default=False)


class NumbersMiddleware:
    """Says for each request whether its person sees people's numbers in full."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Mask until the view is known."""
        before = _in_full.set(False)
        try:
            return self._get_response(request)
        finally:
            _in_full.reset(before)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> None:
        """Unmask for who may see numbers in full; a webhook has nobody to ask for."""
        if request.COOKIES:
            _in_full.set(bool(request.user.has_perm(IN_FULL)))


def sees_in_full(user: Any) -> bool:
    """Tell whether a person sees people's numbers in full."""
    return bool(user.has_perm(IN_FULL))


def is_in_full() -> bool:
    """Tell whether numbers are shown in full now."""
    return _in_full.get()


def number(e164: str) -> str:
    """Write a person's number as people read it, masked where it must be: +51 ••• ••• 321."""
    written = number_words.international(e164)
    if _in_full.get():
        return written
    country, gap, rest = written.partition("\N{NO-BREAK SPACE}")
    return f"{country}{gap}{_ALL_BUT_THE_LAST.sub(_HIDDEN, rest)}" if gap else _ALL_BUT_THE_LAST.sub(_HIDDEN, written)


def text(written: str) -> str:
    """Give what somebody typed as a number, or what a provider answered, masked where it must be."""
    return written if _in_full.get() else _ALL_BUT_THE_LAST.sub(_HIDDEN, written)


def cell(written: str) -> str:
    """Give a cell of somebody's file, masked where it must be; what is nothing but a time is no number."""
    return written if _A_TIME.fullmatch(written) else text(written)
