"""Signing in at an On-Premises node with user name and password, for a token that holds seven days.

The token is kept encrypted beside the account and belongs to exactly one address, user name and password: when one of
them changes it is forgotten, so that a token never goes to another host than the one that gave it.
"""

import base64
import hashlib
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from providers import account_options, http
from providers.answers import Mask, as_text, consequence_of, failure, json_object
from providers.errors import AccountRefused, AnswerLost, NotConfigured, NotSent, Rejected, Unavailable
from providers.interfaces import CallContext
from providers.models import AccountMeter, ProviderAccount
from providers.secret import Secret

_PATH = "/v1/users/login"
_DEADLINE = 20.0
_LIFETIME = timedelta(days=7)
# A token that ends while a call is on its way is one sign-in too late.
_MARGIN = timedelta(minutes=2)
_TOKEN = re.compile(r"[\x21-\x7e]{1,4096}")


class Login:
    """The session of one account at its node."""

    @sensitive_variables()
    def __init__(self, account: ProviderAccount) -> None:
        self._account_id = account.pk
        self._route = account.route()
        user, password = (account_options.credential(account, name).reveal() for name in ("username", "password"))
        if ":" in user:
            raise NotConfigured(_("The credential “username” holds a colon, which a user name cannot. Enter it again."))
        pair = f"{user}:{password}".encode()
        self._basic = Secret(base64.b64encode(pair).decode())
        self._password = Secret(password)
        self._issued_for = hashlib.sha256(b"\0".join((self._route.base_url.encode(), pair))).hexdigest()

    def token(self, *, subject: str, ends: float) -> tuple[Secret, bool]:
        """Give a token, and whether it was issued just now.

        :raises ProviderError: as `sign_in` does.
        """
        meter = AccountMeter.objects.filter(pk=self._account_id).first() if self._account_id else None
        if (
            meter is not None
            and meter.session_token.get("issued_for") == Secret(self._issued_for)
            and meter.session_expires_at is not None
            and meter.session_expires_at > datetime.now(UTC) + _MARGIN
        ):
            return meter.session_token["token"], False
        return self.sign_in(subject=subject, ends=ends), True

    @sensitive_variables()
    def sign_in(self, *, subject: str, ends: float) -> Secret:
        """Fetch a new token before `ends` (on the monotonic clock) and keep it.

        No number is asked about here, so an answer that is lost or an outage is `NotSent` to the caller.

        :raises NotSent: when no token came and trying again costs nothing.
        :raises AccountRefused: when the node refuses user name and password.
        :raises Throttled: when it was asked too fast.
        """
        left = round(min(_DEADLINE, ends - time.monotonic()), 1)
        if left <= 0:
            raise NotSent(_("No time was left to sign in. Nothing was asked."))
        try:
            answer = http.call(
                self._route,
                method="POST",
                path=_PATH,
                masked_path=_PATH,
                context=CallContext(operation="sign_in", subject=subject),
                deadline=left,
                headers={"Authorization": f"Basic {self._basic.reveal()}"},
            )
            token, expires_at = self._read(answer)
        except (AnswerLost, Unavailable) as error:
            raise NotSent(
                _("Signing in failed, and nothing was asked. %s") % error.message,
                code=error.code,
                http_status=error.http_status,
            ) from None
        self._keep(token, expires_at)
        return token

    @sensitive_variables()
    def _read(self, answer: http.Answer) -> tuple[Secret, datetime]:
        kind = consequence_of(answer.status)
        if kind is not None:
            # A sign-in that is refused for what it holds (a password that must be changed) is refused every time.
            kind = AccountRefused if kind is Rejected else kind
            code = said = ""
            with suppress(AnswerLost):
                code, said = first_error(json_object(answer), Mask([self._basic, self._password]))
            raise failure(kind, answer, provider=node_name(), code=code, said=said)
        users = json_object(answer).get("users")
        user = next((one for one in users if isinstance(one, dict)), {}) if isinstance(users, list) else {}
        token = user.get("token")
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise AnswerLost(_("The node's answer holds no token."), http_status=answer.status)
        return Secret(token), _read_expiry(as_text(user.get("expires_after")), now=datetime.now(UTC))

    def _keep(self, token: Secret, expires_at: datetime) -> None:
        if self._account_id is None:
            return
        AccountMeter.objects.update_or_create(
            account_id=self._account_id,
            defaults={
                "session_token": {"token": token, "issued_for": Secret(self._issued_for)},
                "session_expires_at": expires_at,
            },
        )


def node_name() -> str:
    """Give what messages call the provider; it has no name of its own."""
    return _("The contacts node")


def first_error(body: Mapping[str, Any], mask: Mask) -> tuple[str, str]:
    """Give code and words of the first entry of `errors`, or of the envelope that one compatible host uses."""
    errors = body.get("errors")
    first = next((error for error in errors if isinstance(error, dict)), {}) if isinstance(errors, list) else {}
    said = [as_text(first.get("title")), as_text(first.get("details"))]
    meta = body.get("meta")
    if not any(said) and isinstance(meta, dict):
        said = [as_text(meta.get("developer_message")) or as_text(meta.get("developerMessage"))]
    return mask.code(first.get("code")), mask.words(": ".join(filter(None, said)))


def _read_expiry(text: str, *, now: datetime) -> datetime:
    longest = now + _LIFETIME
    with suppress(ValueError, OverflowError):
        at = datetime.fromisoformat(text)
        return min(at if at.tzinfo else at.replace(tzinfo=UTC), longest)
    return longest
