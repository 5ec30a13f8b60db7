"""What pages that send messages share: the templates to choose from, and how the outcome is told.

Accepted is not delivered, and never green.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import gettext as _

from contacts.messages import problem, templates
from contacts.models import Message
from numbers.models import BusinessNumber
from numbers.views.telling import said_by_provider
from providers.errors import ProviderError
from providers.interfaces import TemplateFacts
from providers.models import ProviderAccount


@dataclass(frozen=True, slots=True)
class Templates:
    """The templates that may be sent from a number, or why they cannot be read; and the one chosen."""

    found: Sequence[TemplateFacts] = ()
    problem: str = ""
    chosen: TemplateFacts | None = None


def read_templates(*, account: ProviderAccount, business_number: BusinessNumber | None, asked: str) -> Templates:
    """Read the templates that we can fill in, and find the one that is asked for as name|language."""
    try:
        found = templates(account=account, business_number=business_number)
    except ProviderError as error:
        return Templates(problem=str(said_by_provider(account.kind, error)))
    sendable = [one for one in found if not one.needs_more]
    return Templates(sendable, chosen=next((one for one in sendable if f"{one.name}|{one.language}" == asked), None))


def tell(request: HttpRequest, message: Message) -> None:
    """Say what came of the call that was to send a message."""
    if message.state == Message.State.ACCEPTED:
        messages.info(
            request, _("The provider took the message. Whether it arrives is told by its statuses, here on this page.")
        )
        return
    if message.state == Message.State.SENDING:
        messages.info(request, _("The message is being sent by an earlier press of the button."))
        return
    found = problem(message)
    words = f"{found.happened} {found.why} {found.next_step}" if found else message.get_state_display()
    messages.error(request, words)
