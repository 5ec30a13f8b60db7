"""Identities of WhatsApp users at an On-Premises node: reading one, acknowledging exactly one (document "Contacts").

Until a change is acknowledged the node holds back every message to that user. To acknowledge is not to trust: that is
for a person to decide, and for `contacts.identity` to keep.
"""

import re
from datetime import UTC, datetime, timedelta

from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from providers import http
from providers.answers import as_text, json_object
from providers.errors import AnswerLost, ProviderError, Rejected
from providers.interfaces import CallContext, NodeIdentity
from providers.models import ProviderAccount
from providers.onprem_session import NodeSession

_MASKED = "/v1/contacts/…/identity"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HASH = re.compile(r"[\x21-\x7e]{1,200}")
_WA_ID = re.compile(r"[0-9]{6,20}", re.ASCII)


class NobodyThere(Rejected):
    """The node knows nobody by this wa_id, so there is no identity to read."""

    next_step = "Check the number at the node first."


class StaleIdentity(Rejected):
    """The identity has changed again: what was seen is not the latest any more."""

    next_step = "Read the identity again, and verify the person again."


class OnPremisesIdentity:
    """Reads and acknowledges identities at one node; see `providers.interfaces.IdentityNode`."""

    deadline = 20.0

    def __init__(self, account: ProviderAccount) -> None:
        self._session = NodeSession(account)

    @sensitive_variables()
    def read_identity(self, wa_id: str, *, subject: str) -> NodeIdentity:
        """Read the latest identity of a WhatsApp user.

        :raises NobodyThere: when the node knows nobody by this wa_id.
        :raises ProviderError: one of its subclasses, when nothing could be read.
        """
        answer = self._session.call(
            "GET",
            _path(wa_id),
            masked_path=_MASKED,
            context=CallContext(operation="read_identity", subject=subject),
            deadline=self.deadline,
        )
        if answer.status == 404:
            raise self._as(NobodyThere, _("The node knows nobody by this number."), answer, wa_id)
        refusal = self._session.refusal(answer, hidden=(wa_id,), acts=False)
        if refusal is not None:
            raise refusal
        return _read(answer)

    @sensitive_variables()
    def acknowledge_identity(self, wa_id: str, identity_hash: str, *, subject: str) -> None:
        """Acknowledge exactly this identity: null, {} or no body at all are a yes.

        :raises StaleIdentity: when the node knows a later one.
        :raises NobodyThere: when the node knows nobody by this wa_id.
        :raises ProviderError: one of its subclasses; after AnswerLost nobody knows whether it was acknowledged.
        """
        answer = self._session.call(
            "PUT",
            _path(wa_id),
            masked_path=_MASKED,
            context=CallContext(operation="acknowledge_identity", subject=subject),
            deadline=self.deadline,
            body={"hash": identity_hash},
        )
        if answer.status == 404:
            raise self._as(NobodyThere, _("The node knows nobody by this number."), answer, wa_id)
        if answer.status == 409:
            raise self._as(StaleIdentity, _("The node knows a later identity than this one."), answer, wa_id)
        refusal = self._session.refusal(answer, hidden=(wa_id, identity_hash))
        if refusal is not None:
            raise refusal

    def _as(self, kind: type[Rejected], message: str, answer: http.Answer, wa_id: str) -> ProviderError:
        said = self._session.refusal(answer, hidden=(wa_id,))
        code, words = (said.code, said.said) if said else ("", "")
        return kind(message, code=code, said=words, http_status=answer.status)


def _path(wa_id: str) -> str:
    if not _WA_ID.fullmatch(wa_id):
        raise Rejected(_("This is not a wa_id: a wa_id is digits only. Check the number at the node first."))
    return f"/v1/contacts/{wa_id}/identity"


@sensitive_variables()
def _read(answer: http.Answer) -> NodeIdentity:
    """Read `contacts`, an object in the document and an array at some hosts."""
    contacts = json_object(answer).get("contacts")
    row = next(iter(contacts), None) if isinstance(contacts, list) else contacts
    found = row.get("hash") if isinstance(row, dict) else None
    if not isinstance(row, dict) or not isinstance(found, str) or not _HASH.fullmatch(found):
        raise AnswerLost(_("The node's answer holds no identity."), http_status=answer.status)
    return NodeIdentity(
        hash=found,
        acknowledged=_as_bool(row.get("acknowledged")),
        changed_at=_as_time(row.get("created_timestamp")),
    )


def _as_bool(value: object) -> bool | None:
    """Read `acknowledged`: a string says the table, a boolean shows the sample; None for anything else."""
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False, "1": True, "0": False}.get(as_text(value).lower())


def _as_time(value: object) -> datetime | None:
    """Read a timestamp in milliseconds, or in seconds where it would otherwise lie before WhatsApp did."""
    text = as_text(value)
    if not re.fullmatch("[0-9]{1,13}", text):
        return None
    number = int(text)
    return _EPOCH + (timedelta(milliseconds=number) if number >= 10**11 else timedelta(seconds=number))
