"""One call at an On-Premises node, signed in as the account says: a token, a named header, or user name and password.

A node that no longer knows a token says 401 and has done nothing, so the same call goes once more with a new one.
"""

import time
from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from providers import account_options, http
from providers.answers import Mask, as_number, consequence_of, failure, json_object
from providers.errors import AccountRefused, AnswerLost, NotSent, ProviderError, Rejected, Throttled, Unavailable
from providers.interfaces import CallContext
from providers.models import ProviderAccount
from providers.onprem_login import Login, first_error, node_name
from providers.secret import Secret

_CONSEQUENCES: dict[int, type[ProviderError]] = {
    **dict.fromkeys((1005, 1006, 1021, 1024), AccountRefused),
    **dict.fromkeys((429, 1015), Throttled),
    **dict.fromkeys((1000, 1011, 1014, 1016, 1017, 1018, 1023), Unavailable),
    **dict.fromkeys((470, 480, 1008, 1009, 1010, 1013, 1025, 1026, 1028, 1031), Rejected),
}


class NodeSession:
    """Calls of one account at its node."""

    @sensitive_variables()
    def __init__(self, account: ProviderAccount) -> None:
        account_options.check_common_options(account)
        self._route = account.route()
        auth = account_options.choice_option(account, "auth", ("bearer", "login", "header"), "bearer")
        self._login = Login(account) if auth == "login" else None
        self._token = Secret("") if self._login else account_options.header_credential(account, "token")
        self._header_name = ""
        if auth == "header":
            self._header_name = account_options.header_name_option(account, "header_name", "D360-API-KEY")

    @sensitive_variables()
    def call(
        self,
        method: str,
        path: str,
        *,
        masked_path: str,
        context: CallContext,
        deadline: float,
        body: Mapping[str, Any] | None = None,
    ) -> http.Answer:
        """Make the call, signing in first where that is due; both together end by the deadline.

        :raises NotSent: when nothing left, for want of a token too.
        :raises AnswerLost: when no whole answer came.
        """
        ends = time.monotonic() + deadline
        if self._login is None:
            return self._call(method, path, masked_path, context, self._token, ends, body)
        self._token, fresh = self._login.token(subject=context.subject, ends=ends)
        answer = self._call(method, path, masked_path, context, self._token, ends, body)
        if answer.status == 401 and not fresh:
            self._token = self._login.sign_in(subject=context.subject, ends=ends)
            answer = self._call(method, path, masked_path, context, self._token, ends, body)
        return answer

    @sensitive_variables()
    def mask(self, hidden: Iterable[str]) -> Mask:
        """Give what hides the token that was last used, and these texts, in the node's words."""
        return Mask([self._token], hidden)

    def sign_in(self, *, deadline: float) -> bool:
        """Sign in where the account does so with a password, and tell whether it does.

        :raises ProviderError: when the node refuses, or does not answer in time.
        """
        if self._login is None:
            return False
        self._token = self._login.sign_in(subject="", ends=time.monotonic() + deadline)
        return True

    @sensitive_variables()
    def refusal(self, answer: http.Answer, *, hidden: Iterable[str] = (), acts: bool = True) -> ProviderError | None:
        """Give what an answer refuses, or None where it refuses nothing; `hidden` never stands in its words.

        `acts` tells that the call changed something if the node read it: a 5xx without a code is then an answer lost.
        """
        mask = self.mask(hidden)
        kind = consequence_of(answer.status)
        code = said = ""
        try:
            code, said = first_error(json_object(answer), mask)
        except AnswerLost as unreadable:
            # PUT answers null or nothing at all where all is well; a page of whatever stands between is no answer.
            if kind is None:
                return None if answer.body.strip() in (b"", b"null") else unreadable
        if kind is None and not (code or said):
            return None
        number = as_number(code)
        # A 404 may be about the person or the message, which only the code tells.
        kind = kind_of(None if answer.status == 404 and number in _CONSEQUENCES else kind, number)
        if acts and issubclass(kind, Unavailable) and not code:
            return AnswerLost(
                _("Something between us and the node failed (HTTP %(status)d).") % {"status": answer.status},
                http_status=answer.status,
            )
        return failure(kind, answer, provider=node_name(), code=code, said=said)

    @sensitive_variables()
    def _call(
        self,
        method: str,
        path: str,
        masked_path: str,
        context: CallContext,
        token: Secret,
        ends: float,
        body: Mapping[str, Any] | None,
    ) -> http.Answer:
        left = round(ends - time.monotonic(), 1)
        if left <= 0:
            raise NotSent(_("Signing in took as long as the whole call may take. Nothing was sent."))
        if self._header_name:
            headers = {self._header_name: token.reveal()}
        else:
            headers = {"Authorization": f"Bearer {token.reveal()}"}
        return http.call(
            self._route,
            method=method,
            path=path,
            masked_path=masked_path,
            context=context,
            deadline=left,
            headers=headers,
            json_body=body,
        )


def kind_of(http_error: type[ProviderError] | None, code: int | None) -> type[ProviderError]:
    """Say what a status and the node's own code mean together."""
    if http_error is Throttled:
        return Throttled
    by_code = _CONSEQUENCES.get(code) if code is not None else None
    # Refused credentials, a wrong address and a redirect stay what they are, whatever code comes along.
    if http_error is AccountRefused and by_code is not Throttled:
        return AccountRefused
    return by_code or http_error or Rejected
