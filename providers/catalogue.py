"""Every documented error of the providers that carry numbers, in words: the screen, the commands and the docs share it.

A client turns errors that share a code into codes of their own, the provider's code and a word behind a colon
(`WA400:otp_format`); an error that no document names keeps the provider's code and is explained by its HTTP status.
"""

import re
from collections.abc import Mapping, Sequence

from django.utils.translation import gettext_lazy as _

from providers.errors import AccountRefused, ProviderError, Rejected, Throttled, Unavailable
from providers.explanations import Entry, Explanation, Meaning
from providers.kaleyra_errors import KALEYRA_ERRORS
from providers.meta_errors import META_ERRORS

__all__ = ["Explanation", "Meaning", "code_of", "consequence", "entries", "explain", "is_listed", "narrowed"]

_BY_KIND: dict[str, tuple[Entry, ...]] = {"cloud_api": META_ERRORS, "kaleyra": KALEYRA_ERRORS}

_REDIRECT = Entry(
    "HTTP 3xx",
    Meaning.ACCOUNT,
    AccountRefused,
    _("The address leads elsewhere."),
    _("The base URL redirects, and credentials never follow a redirect."),
    _("Enter the address that it leads to as the account's base URL, then test the connection."),
)
_BAD_REQUEST = Entry(
    "HTTP 4xx",
    Meaning.BAD_REQUEST,
    Rejected,
    _("The provider refused the request."),
    _("Something in it is missing, misspelt or not allowed here; the provider's words may name it."),
    _("Check the ids and what was entered, then try again."),
)
_UNAVAILABLE = Entry(
    "HTTP 5xx",
    Meaning.TRY_AGAIN,
    Unavailable,
    _("The provider failed on its side."),
    _("It is overloaded, under repair or broken for the moment."),
    _("Try again in a few minutes."),
)
_BY_HTTP: dict[int, Entry] = {
    401: Entry(
        "HTTP 401",
        Meaning.ACCOUNT,
        AccountRefused,
        _("The provider did not accept the account's credentials."),
        _("They are wrong, expired or revoked."),
        _("Replace the account's credentials, test the connection, then try again."),
    ),
    403: Entry(
        "HTTP 403",
        Meaning.PERMISSION,
        AccountRefused,
        _("The account may not do this."),
        _("A permission is missing, or the provider has closed this account."),
        _("Have the permission granted at the provider, then try again."),
    ),
    404: Entry(
        "HTTP 404",
        Meaning.ACCOUNT,
        AccountRefused,
        _("The provider has nothing at this address."),
        _("The account's base URL, version, SID or pod is wrong."),
        _("Correct the account's base URL and options, then test the connection."),
    ),
    429: Entry(
        "HTTP 429",
        Meaning.WAIT,
        Throttled,
        _("The provider asked us to slow down."),
        _("Too many calls were made in a short time, here or by another program that uses the same account."),
        _("Wait a few minutes, then try again. This limit is the provider's."),
    ),
}
_UNKNOWN = Entry(
    "",
    Meaning.OTHER,
    Rejected,
    _("The provider refused for a reason that is not in our catalogue."),
    _("The provider's own words may tell."),
    _("If they do not help, give the trace id to the provider's support."),
)


def explain(kind: str, code: str, *, http_status: int | None = None) -> Explanation:
    """Put an error of an account of this kind into words; there is always an answer."""
    entry = _listed(kind, code) or _by_http(http_status)
    return Explanation(code, str(entry.happened), str(entry.why), str(entry.next_step), entry.meaning)


def code_of(kind: str, code: str, *, http_status: int | None = None) -> str:
    """Give the code under which the catalogue explains an error; "" where it does not."""
    return (_listed(kind, code) or _by_http(http_status)).code


def narrowed(code: str, said: str, marks: Mapping[str, Sequence[tuple[str, str]]]) -> str:
    """Give the code of one of several errors that share a code: the first whose mark is in the provider's words."""
    words = said.lower()
    return next((f"{code}:{name}" for mark, name in marks.get(code, ()) if mark in words), code)


def is_listed(kind: str, code: str) -> bool:
    """Tell whether the catalogue knows this very code."""
    return _listed(kind, code) is not None


def consequence(kind: str, code: str) -> type[ProviderError] | None:
    """Give the exception that a listed error becomes; None for one that is not listed, or where nothing went wrong."""
    entry = _listed(kind, code)
    return entry.consequence if entry else None


def entries(kind: str) -> tuple[Explanation, ...]:
    """Give the documented errors of a kind of account, in the order of the documentation; "" gives those of HTTP."""
    listed = _BY_KIND.get(kind, ()) if kind else (_REDIRECT, *_BY_HTTP.values(), _BAD_REQUEST, _UNAVAILABLE)
    return tuple(
        Explanation(entry.code, str(entry.happened), str(entry.why), str(entry.next_step), entry.meaning)
        for entry in listed
    )


def _listed(kind: str, code: str) -> Entry | None:
    if kind == "cloud_api" and re.fullmatch("2[0-9]{2}", code):
        code = "200-299"
    return next((entry for entry in _BY_KIND.get(kind, ()) if entry.code == code), None)


def _by_http(status: int | None) -> Entry:
    if status is None or status < 300:
        return _UNKNOWN
    if status in _BY_HTTP:
        return _BY_HTTP[status]
    if status < 400:
        return _REDIRECT
    return _UNAVAILABLE if status >= 500 or status == 408 else _BAD_REQUEST
