"""Contact checks at an On-Premises contacts node, or a host that speaks its language (provider document: "Contacts").

Answers are joined on `input`, the exact text that was sent, never on wa_id. Since client 2.43 such a node says `valid`
to everyone, so its evidence is weak.
"""

from collections.abc import Sequence

from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from providers import account_options, http
from providers.answers import (
    NOT_ANSWERED,
    Mask,
    as_number,
    as_text,
    as_wa_id,
    consequence_of,
    failure,
    join,
    json_object,
)
from providers.errors import (
    AnswerLost,
    ProviderError,
)
from providers.interfaces import CallContext, ContactStatus, EvidenceStrength, NumberResult, ProbeStep
from providers.models import ProviderAccount
from providers.onprem_login import first_error, node_name
from providers.onprem_session import NodeSession, kind_of
from providers.probe import credentials_unproven, reach

_PATH = "/v1/contacts"
_STATUSES = {
    "valid": ContactStatus.VALID,
    "invalid": ContactStatus.INVALID,
    "failed": ContactStatus.FAILED,
    "processing": ContactStatus.PROCESSING,
}


class OnPremises:
    """Looks numbers up at a contacts node; see `providers.interfaces.ContactChecker`."""

    strength = EvidenceStrength.WEAK
    regions: frozenset[str] | None = None
    polls = False

    def __init__(self, account: ProviderAccount) -> None:
        self._route = account.route()
        self._blocking = account_options.choice_option(account, "blocking", ("wait", "no_wait"), "wait")
        self.batch_size = account_options.whole_number_option(account, "batch_size", 50, lowest=1, highest=1000)
        # A waiting call ends when the node has checked every number, which "might take some time".
        self.deadline = 60.0 if self._blocking == "wait" else 20.0
        self._session = NodeSession(account)

    def format_number(self, e164: str) -> str:
        """Write the number in E.164 with its +, as the document recommends: without it the node adds its country."""
        return e164

    @sensitive_variables()
    def check(self, asked: Sequence[str], *, force: bool, subject: str) -> tuple[NumberResult, ...]:
        """Ask about up to `batch_size` numbers; `force` bypasses the node's cache of seven days.

        Signing in counts into the deadline, so that whoever waits for the call never waits longer.

        :raises ProviderError: one of its subclasses, when the call as a whole gave no result.
        """
        if not asked:
            return ()
        body = {"blocking": self._blocking, "contacts": list(asked), "force_check": bool(force)}
        context = CallContext(operation="check_contacts", subject=subject, numbers_count=len(asked))
        answer = self._session.call(
            "POST", _PATH, masked_path=_PATH, context=context, deadline=self.deadline, body=body
        )
        return _read(answer, asked, self._session.mask(asked))

    def probe(self) -> tuple[ProbeStep, ...]:
        """Reach the node and, where the account signs in with a password, sign in."""
        steps = reach(self._route)
        if not steps[-1].ok:
            return steps
        name = _("Sign in")
        try:
            if not self._session.sign_in(deadline=self.deadline):
                return (*steps, credentials_unproven())
        except ProviderError as error:
            return (*steps, ProbeStep(name, False, f"{error.message} {error.next_step}"))
        return (*steps, ProbeStep(name, True, _("The node took the user name and password and gave a token.")))


@sensitive_variables()
def read_contacts(rows: object, mask: Mask | None = None) -> tuple[NumberResult, ...]:
    """Read the rows of a `contacts` array, of an answer and of a callback alike; what is no row is left out.

    A wa_id counts only where the status is `valid`; a number under way may already carry one.
    """
    mask = mask or Mask([])
    results = []
    for row in rows if isinstance(rows, list) else []:
        # Exactly as it was sent: an `input` that was trimmed or became a JSON number is not what was asked.
        if not isinstance(row, dict) or not isinstance(row.get("input"), str):
            continue
        said = as_text(row.get("status"))
        status = _STATUSES.get(said.lower())
        code, reason = first_error(row, mask)
        if status is None:
            if not said:
                reason = _("The node names this number without a status.")
            else:
                reason = _("The node answered with an unknown status: “%s”.") % mask.code(said)
            results.append(NumberResult(row["input"], ContactStatus.UNKNOWN, code=NOT_ANSWERED, detail=reason))
            continue
        wa_id = as_wa_id(row.get("wa_id")) if status is ContactStatus.VALID else None
        results.append(NumberResult(row["input"], status, wa_id=wa_id, code=code, detail=reason))
    return tuple(results)


@sensitive_variables()
def _read(answer: http.Answer, asked: Sequence[str], mask: Mask) -> tuple[NumberResult, ...]:
    http_error = consequence_of(answer.status)
    try:
        body = json_object(answer)
    except AnswerLost:
        if http_error is not None:
            raise failure(http_error, answer, provider=node_name()) from None
        raise
    code, said = first_error(body, mask)
    rows = body.get("contacts")
    if http_error is None and isinstance(rows, list) and (rows or not code):
        return join(asked, read_contacts(rows, mask), left_out=said)
    if http_error is None and not (code or said):
        raise AnswerLost(_("The node's answer has neither contacts nor errors."), http_status=answer.status)
    raise failure(kind_of(http_error, as_number(code)), answer, provider=node_name(), code=code, said=said)
