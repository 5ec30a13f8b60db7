"""A name for each request, in its answer and in every log line that is written meanwhile."""

import re
import uuid
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponseBase

from audit import log_context
from audit.redaction import hide_numbers

HEADER = "X-Request-ID"
#: As proxies make them: a UUID, or 32 hexadecimal digits.
_RANDOM = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


class RequestIdMiddleware:
    """Takes the id that a proxy has given, if it is well formed, or makes one, and hands it back."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Name the request, and who is signed in once that is known."""
        request_id = well_formed(request.headers.get(HEADER, "")) or uuid.uuid4().hex
        names: dict[str, Any] = {"request_id": request_id, "user": lambda: _user_of(request)}
        # Django logs a refused request after this has ended, and hands the request over with it.
        setattr(request, log_context.OF_REQUEST, names)
        with log_context.about(**names):
            answer = self._get_response(request)
        answer.headers[HEADER] = request_id
        return answer


def well_formed(given: str) -> str:
    """Give an id that may stand in a log as it is, or nothing: no person's number, nothing but one short word."""
    if _RANDOM.fullmatch(given) or (_PLAIN.fullmatch(given) and hide_numbers(given) == given):
        return given
    return ""


def _user_of(request: HttpRequest) -> str:
    # Only somebody who was looked up already: a log line asks the database nothing.
    user = request.__dict__.get("_cached_user")
    return user.get_username() if user is not None else ""
