"""What all calls of Meta's Graph API have in common: its versions, when they end, and what an answer says.

Meta's page of versions: https://developers.facebook.com/docs/graph-api/changelog. The error envelope decides, and HTTP
only where there is none.
"""

import re
from datetime import date, timedelta
from typing import Any

from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from providers import account_options, catalogue
from providers.answers import Mask, as_text, consequence_of, failure, json_object
from providers.errors import AnswerLost, NotConfigured, ProviderError, Rejected, Throttled, Unavailable
from providers.http import Answer
from providers.models import ProviderAccount

DEFAULT_VERSION = "v25.0"
WARN_BEFORE = timedelta(days=90)
KIND = "cloud_api"
_NAME = "Meta"
_VERSION = re.compile(r"v[0-9]{1,2}\.[0-9]")
_VERSION_IN_URL = re.compile(r"/v[0-9]+(\.[0-9]+)?(/|$)")
#: What tells the errors of one code apart, in the words for people. Words that Meta changes leave the plain code.
_TOLD_APART = {
    "136024": (("already verified", "already_verified"), ("too many", "too_many")),
    "136025": (("expired", "expired"), ("already verified", "already_verified"), ("too many", "too_many")),
}
_EXPIRES = {
    19: date(2026, 5, 21),
    22: date(2027, 5, 20),
    23: date(2027, 10, 8),
    24: date(2028, 2, 18),
    25: date(2028, 7, 29),
}


def read_version(account: ProviderAccount) -> str:
    """Give the Graph version of an account.

    :raises NotConfigured: when the option is no version, or the base URL names one too.
    """
    version = account_options.text_option(account, "api_version", DEFAULT_VERSION)
    if not _VERSION.fullmatch(version):
        raise NotConfigured(
            _("The option “api_version” must be a Graph version such as v25.0. Correct it in the account's options.")
        )
    if _VERSION_IN_URL.search(account.base_url):
        raise NotConfigured(
            _("The base URL names a Graph version. Leave it out there; the option “api_version” says it.")
        )
    return version


def major(version: str) -> int:
    """Give the number before the dot of a version."""
    return int(version[1:].partition(".")[0])


def graph_version_expires(version: str) -> date | None:
    """Give the day from which Meta no longer answers to this version; None where that is not known yet.

    Versions end in order, so one that is not listed has ended when the next listed one does.
    """
    if not _VERSION.fullmatch(version):
        return None
    return next((_EXPIRES[listed] for listed in sorted(_EXPIRES) if listed >= major(version)), None)


def expiry_warning(version: str, *, today: date) -> str:
    """Say that a version has ended or will within 90 days, and what to do; nothing where all is well."""
    expires = graph_version_expires(version)
    if expires is None or today < expires - WARN_BEFORE:
        return ""
    said = {"version": version, "date": expires.isoformat(), "default": DEFAULT_VERSION}
    if today >= expires:
        return _("Graph version %(version)s ended on %(date)s. Set the option “api_version” to %(default)s.") % said
    return _("Graph version %(version)s ends on %(date)s. Set the option “api_version” to a newer one before.") % said


@sensitive_variables()
def read(answer: Answer, mask: Mask, *, acts: bool, submits_code: bool = False) -> dict[str, Any]:
    """Read the object of an answer that is no error; `acts` tells that the call changed something if it was read.

    :raises AnswerLost: where nobody knows whether Meta acted: a gateway answered for it, or nothing readable came.
    :raises ProviderError: another of its subclasses, for an error that Meta names.
    """
    http_error = consequence_of(answer.status)
    try:
        body = json_object(answer)
    except AnswerLost:
        if http_error is None:
            raise
        raise _unnamed(http_error, answer, acts=acts) from None
    error = body.get("error")
    code = as_text(error.get("code")) if isinstance(error, dict) else ""
    if acts and http_error is Unavailable and code in ("", str(answer.status)):
        # A gateway has a member `error` too, but no code of Meta's.
        raise _unnamed(http_error, answer, acts=acts)
    if isinstance(error, dict):
        raise _named(error, answer, mask, submits_code=submits_code)
    if error:
        raise failure(http_error or Rejected, answer, provider=_NAME, said=mask.words(error))
    if http_error is not None:
        raise _unnamed(http_error, answer, acts=acts)
    return body


def confirm(body: dict[str, Any]) -> None:
    """Make sure that an answer says that the call succeeded.

    :raises Rejected: when it says that it did not.
    :raises AnswerLost: when it says neither.
    """
    success = body.get("success")
    if success is True or (isinstance(success, str) and success.strip().lower() == "true"):
        return
    if success is False or (isinstance(success, str) and success.strip().lower() == "false"):
        error = Rejected(_("Meta answered that it did not do it, without a reason."))
        error.next_step = _("Look at the number in WhatsApp Manager, then try again.")
        raise error
    raise AnswerLost(_("Meta's answer does not say whether it was done."))


def _unnamed(kind: type[ProviderError], answer: Answer, *, acts: bool) -> ProviderError:
    if acts and issubclass(kind, Unavailable):
        # A gateway speaks in Meta's place: whether Meta read the call, and what it did then, nobody knows.
        return AnswerLost(
            _("Something between us and Meta failed (HTTP %(status)d).") % {"status": answer.status},
            http_status=answer.status,
        )
    error = failure(kind, answer, provider=_NAME)
    error.next_step = catalogue.explain(KIND, "", http_status=answer.status).next_step
    return error


@sensitive_variables()
def _named(error: dict[str, Any], answer: Answer, mask: Mask, *, submits_code: bool) -> ProviderError:
    said = mask.words(_words(error))
    written = as_text(error.get("code"))
    # A listed code stands as it is, also where it happens to be the very digits of a masked one-time code.
    code = written if catalogue.is_listed(KIND, written) else mask.code(written)
    if submits_code and (code, answer.status) == ("100", 422):
        # A wrong code may come as the wrong value of a parameter; what is wrong with an id has HTTP 400.
        code = "136025:expired" if "expired" in said.lower() else "100:wrong_code"
    code = catalogue.narrowed(code, said, _TOLD_APART)
    kind = catalogue.consequence(KIND, code)
    if kind is None:
        kind = Unavailable if error.get("is_transient") is True else consequence_of(answer.status) or Rejected
    if answer.status == 429:
        kind = Throttled
    found = failure(kind, answer, provider=_NAME, code=code, said=said, trace_id=mask.trace_id(error.get("fbtrace_id")))
    found.next_step = catalogue.explain(KIND, code, http_status=answer.status).next_step
    return found


@sensitive_variables()
def _words(error: dict[str, Any]) -> str:
    for_people = [as_text(error.get("error_user_title")), as_text(error.get("error_user_msg"))]
    more = error.get("error_data")
    details = as_text(more.get("details")) if isinstance(more, dict) else as_text(more)
    said = [*(for_people if for_people[1] else [as_text(error.get("message"))]), details]
    return ": ".join(dict.fromkeys(filter(None, said)))
