"""Why a message was not sent, in words for people: the rule, and the next step."""

from django.utils.translation import gettext as _

from contacts.gate import Reason
from providers.models import ProviderAccount, Purpose


class MessageRefused(ValueError):
    """The gate refused the message, or lets it wait; nothing left. The text names the rule and the next step."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


def words(reason: Reason, *, business: str, purpose: str, account: ProviderAccount) -> str:
    """Say why a message may not be sent now, and what would help."""
    said = {
        Reason.NO_OPT_IN: _(
            "No opt-in for %(business)s is on record, and the person has not written to this number in the last 24 "
            "hours. Record the opt-in with its proof first."
        ),
        Reason.OTHER_BUSINESS: _(
            "The person opted in to another business, not to %(business)s. Record their opt-in for %(business)s first."
        ),
        Reason.WITHDRAWN: _("The person opted out of %(business)s. Only a new opt-in of theirs allows a message."),
        Reason.EXPIRED: _("The opt-in for %(business)s has expired. Ask the person again and record their answer."),
        Reason.NOT_YET_VALID: _("The opt-in for %(business)s is dated in the future. Send the message then."),
        Reason.PURPOSE_NOT_AGREED: _(
            "The person did not agree to messages for the purpose “%(purpose)s” of %(business)s. Record that they did, "
            "or send what they agreed to."
        ),
        Reason.SERVICE_REPLY_ONLY: _(
            "The person wrote to this number, which allows a service reply only, and nothing for “%(purpose)s”."
        ),
        Reason.IDENTITY_CHANGED: _(
            "The person's WhatsApp identity has changed: somebody else may read what is sent. Open the identity case, "
            "verify the person in another way than WhatsApp, and settle the case."
        ),
        Reason.IDENTITY_AWAITED: _(
            "The person was verified, and the new WhatsApp identity has not come yet. Ordinary messages wait until the "
            "status of the message sent again has brought it; the identity case says when it may be sent once more."
        ),
        Reason.NO_RESEND_ORDERED: _(
            "Only after a person was verified may one message go again without an identity, and none is due here. Look "
            "at the identity case."
        ),
        Reason.RESTRICTED: _(
            "What is kept of this person is restricted: nobody may write to them until somebody lifts the restriction."
        ),
        Reason.ACCOUNT_PAUSED: _("The account %(account)s is stopped: %(why)s Resume it first."),
        Reason.POSTPONED: _("The provider asked the account %(account)s to wait. Try again in a minute."),
    }.get(reason, str(reason.label))
    return said % {
        "business": business,
        "purpose": dict(Purpose.choices).get(Purpose(purpose), purpose) if purpose in Purpose.values else purpose,
        "account": account.name,
        "why": account.stopped_because(),
    }
