"""Number verification at Kaleyra (provider document: "Verify Phone Number").

One call. Its `code` decides, never HTTP. Kaleyra sends the code when the number is added in its console, and the calls
that would add a number or send another code are not in the document, so they are not made here.
"""

import re
from typing import Any
from urllib.parse import quote

from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from providers import account_options, catalogue, http
from providers.answers import Mask, as_text, consequence_of, failure, json_object
from providers.errors import AnswerLost, NotConfigured, ProviderError, Rejected, Unavailable
from providers.interfaces import CallContext, NumberAddress, ProbeStep, Submitted
from providers.meta_ids import checked
from providers.models import ProviderAccount
from providers.probe import credentials_unproven, reach
from providers.secret import Secret

#: The base URL of each pod, for accounts that name none.
POD_HOSTS = {pod: f"https://api.{pod}.kaleyra.io" for pod in ("in", "ap", "eu", "na", "as")}

_NAME = "Kaleyra"
_KIND = "kaleyra"
_PATH = "/v2/{sid}/whatsapp/{waba_id}/number/verify"
_SID = re.compile(r"[A-Za-z0-9_-]{1,64}")
#: What tells the errors of one code apart, in the words of the answer.
_TOLD_APART: dict[str, tuple[tuple[str, str], ...]] = {
    "WA400": (("otp", "otp_format"), ("phone number", "phone_number"), ("payload", "payload")),
    "WA500": (("already approved", "already_approved"), ("try again later", "try_again")),
}


class Kaleyra:
    """Verifies numbers at Kaleyra; see `providers.interfaces.NumberVerifier`."""

    deadline = 15.0

    def __init__(self, account: ProviderAccount) -> None:
        self._route = account.route()
        self._api_key = account_options.header_credential(account, "api_key")
        self._sid = account_options.text_option(account, "sid")
        account_options.choice_option(account, "pod", tuple(POD_HOSTS), "")
        if not _SID.fullmatch(self._sid):
            raise NotConfigured(_("The option “sid” is not a SID. Copy it from Kaleyra's console."))

    @sensitive_variables()
    def submit_code(self, address: NumberAddress, code: Secret, *, subject: str) -> Submitted:
        """Send the code, once. It is in no record of the call and in no error."""
        waba_id = checked(address.waba_id, "waba_id")
        answer = http.call(
            self._route,
            method="POST",
            path=_PATH.format(sid=quote(self._sid, safe=""), waba_id=waba_id),
            masked_path=_PATH.format(sid="…", waba_id=waba_id),
            context=CallContext(operation="submit_code", subject=subject),
            deadline=self.deadline,
            headers={"api-key": self._api_key.reveal()},
            json_body={
                "id": checked(address.phone_number_id, "phone_number_id"),
                "phone_number": address.e164,
                "otp": code.reveal(),
            },
        )
        return _read(answer, Mask([self._api_key, Secret(self._sid), code], [address.e164]))

    def probe(self) -> tuple[ProbeStep, ...]:
        """Reach the host; no call of Kaleyra's that is documented proves the API key without spending a code."""
        steps = reach(self._route)
        if not steps[-1].ok:
            return steps
        words = _("Not tested: Kaleyra has no call for it. The first real verification will prove the credentials.")
        return (*steps, credentials_unproven(words))


@sensitive_variables()
def _read(answer: http.Answer, mask: Mask) -> Submitted:
    http_error = consequence_of(answer.status)
    try:
        body = json_object(answer)
    except AnswerLost:
        if http_error is None:
            raise
        raise _unnamed(http_error, answer) from None
    written = as_text(body.get("code")).upper()
    if not written:
        if http_error is not None:
            raise _unnamed(http_error, answer)
        raise AnswerLost(_("Kaleyra's answer has no code."), http_status=answer.status)
    if written == "WA200":
        return Submitted.VERIFIED
    said = _words(body)
    code = catalogue.narrowed(written, said, _TOLD_APART)
    if catalogue.explain(_KIND, code).meaning is catalogue.Meaning.ALREADY_VERIFIED:
        return Submitted.ALREADY_VERIFIED
    kind = catalogue.consequence(_KIND, code) or _by_code(written)
    shown = code if catalogue.is_listed(_KIND, code) else mask.code(code)
    error = failure(kind, answer, provider=_NAME, code=shown, said=mask.words(said))
    error.next_step = catalogue.explain(_KIND, shown).next_step
    raise error


def _unnamed(kind: type[ProviderError], answer: http.Answer) -> ProviderError:
    if issubclass(kind, Unavailable):
        # A gateway speaks in Kaleyra's place: whether Kaleyra read the code nobody knows.
        return AnswerLost(
            _("Something between us and Kaleyra failed (HTTP %(status)d).") % {"status": answer.status},
            http_status=answer.status,
        )
    error = failure(kind, answer, provider=_NAME)
    error.next_step = catalogue.explain(_KIND, "", http_status=answer.status).next_step
    return error


def _by_code(code: str) -> type[ProviderError]:
    # WA and three digits speak HTTP's language. A success of another number may or may not have taken the code.
    digits = re.fullmatch(r"WA([1-5][0-9]{2})", code)
    if digits is None:
        return Rejected
    return consequence_of(int(digits[1])) or AnswerLost


@sensitive_variables()
def _words(body: dict[str, Any]) -> str:
    # The key inside `error` varies, and `error` itself is an object, an array or a text.
    error = body.get("error")
    more = error.values() if isinstance(error, dict) else error if isinstance(error, list) else [error]
    said = [as_text(body.get("message")), *map(as_text, more)]
    return ": ".join(dict.fromkeys(filter(None, said)))
