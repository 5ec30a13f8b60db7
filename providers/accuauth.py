"""AccuAuth contact checks (provider document: "/check/whatsapp_advanced").

One national number a call. The HTTP status decides nothing that the JSON says: a check under way comes as HTTP 400, a
rate limit as HTTP 403. Signature, avatar, business user and status date are personal data, and are dropped unread.
"""

from collections.abc import Sequence

import phonenumbers
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from providers import account_options, http
from providers.answers import Mask, as_text, consequence_of, failure, json_object, not_answered
from providers.errors import (
    AccountRefused,
    AnswerLost,
    NotConfigured,
    ProviderError,
    Rejected,
    Throttled,
    Unavailable,
)
from providers.interfaces import CallContext, ContactStatus, EvidenceStrength, NumberResult, ProbeStep
from providers.models import ProviderAccount
from providers.probe import credentials_unproven, reach

_PATH = "/check/whatsapp_advanced"
_CONSEQUENCES: dict[str, type[ProviderError]] = {
    "INVALID_ARGUMENT": Rejected,
    "UNAUTHORIZED": AccountRefused,
    "KEY_EXPIRED": AccountRefused,
    "NO_PERMISSION": AccountRefused,
    "OUT_OF_QUOTA": AccountRefused,
    "RATE_LIMIT_EXCEEDED": Throttled,
    "NOT_FOUND": AccountRefused,
    "INTERNAL_ERROR": Unavailable,
}
_VERDICTS = {"yes": ContactStatus.VALID, "no": ContactStatus.INVALID}


class AccuAuth:
    """Looks numbers of one country up through AccuAuth; see `providers.interfaces.ContactChecker`."""

    batch_size = 1
    deadline = 20.0
    strength = EvidenceStrength.STRONG
    polls = True

    def __init__(self, account: ProviderAccount) -> None:
        account_options.check_common_options(account)
        self._route = account.route()
        self._api_id = account_options.header_credential(account, "api_id")
        self._api_secret = account_options.header_credential(account, "api_secret")
        region = account_options.text_option(account, "region", "PE").upper()
        if region not in phonenumbers.SUPPORTED_REGIONS:
            raise NotConfigured(
                _("The option “region” must be two letters such as PE. Correct it in the account's options.")
            )
        self._calling_code = phonenumbers.country_code_for_region(region)
        self.regions: frozenset[str] | None = frozenset({region})

    def format_number(self, e164: str) -> str:
        """Write the national number, without country code.

        :raises Rejected: for a number of another country, which would be read as somebody else's.
        """
        try:
            parsed = phonenumbers.parse(e164)
        except phonenumbers.NumberParseException:
            parsed = None
        if parsed is None or parsed.country_code != self._calling_code:
            raise Rejected(_("This AccuAuth account only takes numbers of +%d.") % self._calling_code)
        return str(phonenumbers.national_significant_number(parsed))

    @sensitive_variables()
    def check(self, asked: Sequence[str], *, force: bool, subject: str) -> tuple[NumberResult, ...]:
        """Ask about one number; AccuAuth knows no way to bypass a cache, so `force` changes nothing.

        :raises ProviderError: one of its subclasses, when the call gave no result.
        """
        if not asked:
            return ()
        (number,) = asked
        answer = http.call(
            self._route,
            method="POST",
            path=_PATH,
            masked_path=_PATH,
            context=CallContext(operation="check_contacts", subject=subject, numbers_count=1),
            deadline=self.deadline,
            headers={"X-DF-API-ID": self._api_id.reveal(), "X-DF-API-SECRET": self._api_secret.reveal()},
            json_body={"number": number},
        )
        return (_read(answer, number, Mask([self._api_id, self._api_secret], asked)),)

    def probe(self) -> tuple[ProbeStep, ...]:
        """Reach the host; AccuAuth has no call that proves the credentials without looking a person up."""
        steps = reach(self._route)
        return (*steps, credentials_unproven()) if steps[-1].ok else steps


@sensitive_variables()
def _read(answer: http.Answer, asked: str, mask: Mask) -> NumberResult:
    http_error = consequence_of(answer.status)
    try:
        body = json_object(answer)
    except AnswerLost:
        if http_error is not None:
            raise failure(http_error, answer, provider="AccuAuth") from None
        raise
    status = as_text(body.get("status")).upper()
    code = mask.code(status)
    trace = mask.trace_id(body.get("request_id"))
    if http_error is Throttled:
        said = mask.words(body.get("reason"))
        raise failure(Throttled, answer, provider="AccuAuth", code=code, said=said, trace_id=trace)
    if status == "OK":
        return _verdict(body.get("result"), asked, trace, mask)
    if status == "PENDING":
        return NumberResult(asked, ContactStatus.PROCESSING, code=code, detail=trace)
    kind = _CONSEQUENCES.get(status, http_error)
    if kind is not None:
        said = mask.words(body.get("reason"))
        raise failure(kind, answer, provider="AccuAuth", code=code, said=said, trace_id=trace)
    if not status:
        raise AnswerLost(_("AccuAuth's answer has no status."), trace_id=trace, http_status=answer.status)
    return not_answered(asked, _("AccuAuth answered with an unknown status: “%s”.") % code)


@sensitive_variables()
def _verdict(found: object, asked: str, trace: str, mask: Mask) -> NumberResult:
    # `number` in the result is not looked at: it may carry a + and another country. One number was asked, so it is it.
    whatsapp = as_text(found.get("whatsapp")) if isinstance(found, dict) else ""
    if (status := _VERDICTS.get(whatsapp.lower())) is not None:
        return NumberResult(asked, status, detail=trace)
    if not whatsapp:
        return not_answered(asked, " ".join(filter(None, (_("AccuAuth answered without yes or no."), trace))))
    return not_answered(asked, _("AccuAuth answered neither yes nor no: “%s”.") % mask.code(whatsapp))
