"""What the answers of all providers have in common: JSON of doubtful types, words fit to be shown, joining, refusals.

A provider's words are shown, logged and kept with the account, so no phone number and no credential survives in them.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from django.utils.translation import gettext as _

from audit.redaction import UNSHOWABLE, hide_numbers, one_line
from providers.errors import AccountRefused, AnswerLost, ProviderError, Rejected, Throttled, Unavailable
from providers.http import Answer, read_retry_after
from providers.interfaces import ContactStatus, NumberResult
from providers.secret import Secret

NOT_ANSWERED = "NOT_ANSWERED"
CONTRADICTED = "CONTRADICTED"

_LONGEST_WA_ID = 64
_GROUPED_DIGITS = re.compile(r"[0-9](?:[^0-9A-Za-z]{0,3}[0-9])+")
_TRACE_ID = re.compile(r"[A-Za-z0-9._:=/+-]{1,100}")


def json_object(answer: Answer) -> dict[str, Any]:
    """Read the body as a JSON object.

    :raises AnswerLost: when it is anything else.
    """
    payload = answer.json()
    if not isinstance(payload, dict):
        raise AnswerLost(
            _("The provider answered HTTP %(status)d with JSON that is not an object.") % {"status": answer.status},
            http_status=answer.status,
        )
    return payload


def as_text(value: object) -> str:
    """Give a JSON text, or a whole number as text; nothing for any other value."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return str(value).strip()


def as_line(value: object, *, limit: int) -> str:
    """Give a JSON text on one bounded line, otherwise as it was given."""
    text = one_line(as_text(value))
    return text if len(text) <= limit else text[: limit - 1] + "…"


def as_number(value: object) -> int | None:
    """Give a JSON whole number of up to nine digits, also where it came as text."""
    text = as_text(value)
    return int(text) if re.fullmatch("[0-9]{1,9}", text) else None


def as_wa_id(value: object) -> str | None:
    """Give a wa_id as it was given, or None where the value cannot be one."""
    text = as_text(value)
    return text if text and len(text) <= _LONGEST_WA_ID and not UNSHOWABLE.search(text) else None


class Mask:
    """What no provider's words may carry on: an account's secrets and the numbers that were asked about."""

    __slots__ = ("_digits", "_hidden")

    def __init__(self, secrets: Iterable[Secret], asked: Iterable[str] = ()) -> None:
        values = {secret.reveal() for secret in secrets}
        pieces = values | {number.lstrip("+") for number in asked}
        # A one-time code or PIN comes back grouped as often as not.
        self._digits = [value for value in values if len(value) >= 4 and value.isdecimal()]
        # Longest first, so that no piece is left of one that holds another; shorter ones would tear words apart.
        self._hidden = sorted((piece for piece in pieces if len(piece) >= 4), key=len, reverse=True)

    def __repr__(self) -> str:
        return "Mask(…)"

    def words(self, value: object, *, limit: int = 200) -> str:
        """Give a provider's own words on one bounded line, without secrets and without phone numbers."""
        text = one_line(as_text(value))
        for hidden in self._hidden if text else ():
            text = text.replace(hidden, "…")
        if self._digits:
            text = _GROUPED_DIGITS.sub(self._without_codes, text)
        text = hide_numbers(text)
        return text if len(text) <= limit else text[: limit - 1] + "…"

    def _without_codes(self, found: re.Match[str]) -> str:
        digits = re.sub(r"[^0-9]", "", found[0])
        return "…" if any(code in digits for code in self._digits) else found[0]

    def code(self, value: object) -> str:
        """Give a provider's error code, fit to be shown."""
        return self.words(value, limit=40)

    def trace_id(self, value: object) -> str:
        """Give the provider's id of a request, or nothing where it could be something else.

        Long runs of digits are common in such ids, and half an id finds nothing: it is kept whole or not at all.
        """
        text = as_text(value)
        if not _TRACE_ID.fullmatch(text) or any(hidden in text for hidden in self._hidden):
            return ""
        return text if _GROUPED_DIGITS.sub(self._without_codes, text) == text else ""


def join(asked: Sequence[str], rows: Iterable[NumberResult], *, left_out: str = "") -> tuple[NumberResult, ...]:
    """Give one result for each number asked, in that order, from rows in any order.

    Strangers are dropped. Of several rows about one number the first stands, unless they disagree. `left_out` says why
    numbers may be missing, where the provider gave a reason.
    """
    answered: dict[str, NumberResult] = {}
    for row in rows:
        first = answered.setdefault(row.asked, row)
        if first.status is not row.status or (first.wa_id and row.wa_id and first.wa_id != row.wa_id):
            answered[row.asked] = NumberResult(
                row.asked,
                ContactStatus.UNKNOWN,
                code=CONTRADICTED,
                detail=_("The answer names this number more than once and contradicts itself."),
            )
        elif not first.wa_id and row.wa_id:
            answered[row.asked] = replace(first, wa_id=row.wa_id)
    return tuple(answered.get(number) or not_answered(number, left_out) for number in asked)


def not_answered(asked: str, detail: str = "") -> NumberResult:
    """Give the result of a number about which the answer says nothing."""
    return NumberResult(
        asked,
        ContactStatus.UNKNOWN,
        code=NOT_ANSWERED,
        detail=detail or _("The answer says nothing about this number."),
    )


def consequence_of(http_status: int) -> type[ProviderError] | None:
    """Give what an HTTP status means where the provider says nothing more exact; None where it answered."""
    if 200 <= http_status < 300:
        return None
    if http_status == 429:
        return Throttled
    # A redirect, a wrong address and a call that the host does not have are answered alike for every number.
    if http_status < 400 or http_status in (401, 402, 403, 404, 405, 501):
        return AccountRefused
    return Unavailable if http_status >= 500 or http_status == 408 else Rejected


def failure(
    kind: type[ProviderError], answer: Answer, *, provider: str, code: str = "", said: str = "", trace_id: str = ""
) -> ProviderError:
    """Make the error of a call that gave no result; `code` and `said` are the provider's own, fit to be shown."""
    message = _sentence(kind, answer.status) % {"provider": provider, "status": answer.status}
    if said:
        message = f"{message} “{said}”"
    if issubclass(kind, Throttled):
        return Throttled(
            message,
            retry_after=read_retry_after(answer.headers.get("retry-after"), now=datetime.now(UTC)),
            code=code,
            said=said,
            trace_id=trace_id,
            http_status=answer.status,
        )
    error = kind(message, code=code, said=said, trace_id=trace_id, http_status=answer.status)
    if 300 <= answer.status < 400 or answer.status == 404:
        error.next_step = _("Correct the account's base URL and options, test the connection, then resume.")
    return error


def _sentence(kind: type[ProviderError], http_status: int) -> str:
    if 300 <= http_status < 400:
        return _("The base URL redirects (HTTP %(status)d), which is not followed; enter the address it leads to.")
    if http_status == 404:
        return _("%(provider)s has nothing at this address (HTTP 404).")
    if http_status == 501:
        return _("%(provider)s does not offer this check here (HTTP 501).")
    if issubclass(kind, AccountRefused):
        return _("%(provider)s refused this account (HTTP %(status)d).")
    if issubclass(kind, Throttled):
        return _("%(provider)s asked us to slow down (HTTP %(status)d).")
    if issubclass(kind, Unavailable):
        return _("%(provider)s failed on its side (HTTP %(status)d).")
    return _("%(provider)s refused the request (HTTP %(status)d).")
