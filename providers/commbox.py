"""CommBox contact checks (provider document: "Validate WhatsApp account").

One number a call, in the path. CommBox passes the question on to a WhatsApp contacts node, so its `valid` is as weak as
that node's, and it gives no wa_id.
"""

from collections.abc import Iterator, Sequence
from urllib.parse import quote

from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from providers import account_options, http
from providers.answers import Mask, as_number, as_text, consequence_of, failure, join, json_object, not_answered
from providers.errors import AnswerLost, NotConfigured
from providers.interfaces import CallContext, ContactStatus, EvidenceStrength, NumberResult, ProbeStep
from providers.models import ProviderAccount
from providers.probe import credentials_unproven, reach
from providers.secret import Secret

_PATH = "/whatsapp/validatecontact/{stream}/{number}"
_VERDICTS = {
    True: ContactStatus.VALID,
    "true": ContactStatus.VALID,
    False: ContactStatus.INVALID,
    "false": ContactStatus.INVALID,
}


class CommBox:
    """Looks numbers up through CommBox; see `providers.interfaces.ContactChecker`."""

    batch_size = 1
    deadline = 20.0
    strength = EvidenceStrength.WEAK
    regions: frozenset[str] | None = None
    polls = False

    def __init__(self, account: ProviderAccount) -> None:
        account_options.check_common_options(account)
        self._route = account.route()
        self._token = account_options.header_credential(account, "token")
        self._stream_id = account_options.text_option(account, "stream_id")
        if self._stream_id in (".", ".."):
            # They would be taken for steps in the path, and the call would go to another address.
            raise NotConfigured(_("The option “stream_id” is not a stream id. Copy it from CommBox's console."))

    def format_number(self, e164: str) -> str:
        """Write the number with its +.

        The document asks for a "valid PHONE_NUMBER" and does not say how it is written; the node behind CommBox reads
        a number without + as one of the sender's own country, so leaving the + out would be a guess.
        """
        return e164

    @sensitive_variables()
    def check(self, asked: Sequence[str], *, force: bool, subject: str) -> tuple[NumberResult, ...]:
        """Ask about one number; CommBox has no way to bypass its cache, so `force` changes nothing.

        :raises ProviderError: one of its subclasses, when the call gave no result.
        """
        if not asked:
            return ()
        (number,) = asked
        answer = http.call(
            self._route,
            method="GET",
            path=_PATH.format(stream=quote(self._stream_id, safe=""), number=quote(number, safe="")),
            masked_path=_PATH.format(stream="…", number="…"),
            context=CallContext(operation="check_contacts", subject=subject, numbers_count=1),
            deadline=self.deadline,
            headers={"Authorization": f"Bearer {self._token.reveal()}"},
        )
        return join(asked, _read(answer, number, Mask([self._token, Secret(self._stream_id)], asked)))

    def probe(self) -> tuple[ProbeStep, ...]:
        """Reach the host; CommBox has no call that proves the token without looking a person up."""
        steps = reach(self._route)
        return (*steps, credentials_unproven()) if steps[-1].ok else steps


@sensitive_variables()
def _read(answer: http.Answer, asked: str, mask: Mask) -> list[NumberResult]:
    try:
        body = json_object(answer)
    except AnswerLost:
        # A proxy's page says by its status whether the number was looked up at all.
        if (kind := consequence_of(answer.status)) is not None:
            raise failure(kind, answer, provider="CommBox") from None
        raise
    status = as_number(body.get("status"))
    if status is not None and status < 200:
        # Nothing that ends a call in HTTP's words: it neither answers nor refuses the account.
        status = None
    # HTTP 200 with status "400" is an error; an HTTP error is one whatever the body says.
    http_error = consequence_of(answer.status)
    kind = http_error or (consequence_of(status) if status is not None else None)
    if kind is not None:
        code = mask.code(body.get("status"))
        raise failure(kind, answer, provider="CommBox", code=code, said=_reason(body, mask))
    if status is None and "data" not in body:
        raise AnswerLost(_("CommBox's answer has neither status nor data."), http_status=answer.status)
    if status is None and "status" in body:
        said = mask.code(body.get("status"))
        return [not_answered(asked, _("CommBox answered with an unknown status: “%s”.") % said)]
    return list(_verdicts(body.get("data"), asked, mask))


@sensitive_variables()
def _verdicts(found: object, asked: str, mask: Mask) -> Iterator[NumberResult]:
    # `data` is an object, or an array of objects that may name the number; one without a name is about what was asked.
    for row in found if isinstance(found, list) else [found]:
        if not isinstance(row, dict):
            continue
        recipient = as_text(row.get("recipient"))
        if recipient and recipient.lstrip("+") != asked.lstrip("+"):
            continue
        if "valid" not in row:
            yield not_answered(asked, _("CommBox answered without saying whether the number is valid."))
            continue
        value = row["valid"]
        if isinstance(value, bool) or (isinstance(value, str) and value.strip().lower() in _VERDICTS):
            yield NumberResult(asked, _VERDICTS[value if isinstance(value, bool) else value.strip().lower()])
        else:
            said = mask.code(value)
            yield not_answered(asked, _("CommBox answered something other than true or false: “%s”.") % said)


def _reason(body: dict[str, object], mask: Mask) -> str:
    found = body.get("data")
    rows = found if isinstance(found, list) else [found]
    reasons = [as_text(row.get("failed")) for row in rows if isinstance(row, dict)]
    return mask.words(": ".join(filter(None, [as_text(body.get("description")), *reasons[:1]])))
