"""What went wrong with a message, in words for people: the error catalogue's, and what only a message can have."""

from django.utils.translation import gettext as _

from contacts.gate import Reason
from contacts.models import Message
from providers import catalogue
from providers.catalogue import Explanation, Meaning

_CLOUD_API = "cloud_api"
#: A node has codes of its own for what the Cloud API says with these.
_SAID_BY_A_NODE = {
    "470": "131047",
    "480": "137000",
    "1028": "137000",
    "1013": "131026",
    "1026": "131026",
    "1015": "130429",
    "429": "130429",
}


def problem(message: Message) -> Explanation | None:
    """Say what went wrong, why, and what to do; None where nothing did, as far as we know."""
    if message.state == Message.State.UNKNOWN:
        return Explanation(
            Reason.ANSWER_LOST,
            _("Nobody knows whether this message was sent."),
            _("The provider's answer was lost, and with it the message's id: no later status can be told to be its."),
            _("It is never sent again by itself. Ask the person, or send it again if twice does no harm."),
            Meaning.OTHER,
        )
    if message.state == Message.State.NOT_SENT:
        return Explanation(
            message.provider_code,
            _("Nothing was sent: %(why)s") % {"why": message.provider_words},
            _("The provider could not be reached, or the account is not complete."),
            _("Test the account's connection, then send it again."),
            Meaning.TRY_AGAIN,
        )
    if not message.provider_code and message.failed_at is None and message.state != Message.State.FAILED:
        return None
    code = message.provider_code
    if message.account.kind != _CLOUD_API:
        code = _SAID_BY_A_NODE.get(code, code)
    return catalogue.explain(_CLOUD_API, code)
