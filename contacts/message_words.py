"""How messages, their statuses, the reply window and refusals are said on screen. Unknown values stay as they are."""

from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from audit.display import Tone, badge, when
from contacts.gate import TRUST_REFUSALS, Reason
from contacts.models import Contact, Message, MessageStatus, TrustCase
from providers.models import ProviderAccount

_State = Message.State
_STATE_TONES = {
    _State.SENDING: Tone.BUSY,
    _State.ACCEPTED: Tone.QUIET,
    _State.FAILED: Tone.BAD,
    _State.UNKNOWN: Tone.WARN,
    _State.NOT_SENT: Tone.WARN,
    _State.RECEIVED: Tone.QUIET,
}


@dataclass(frozen=True, slots=True)
class Fix:
    """Where a refusal is mended."""

    href: str
    action: str


def fate(message: Message) -> tuple[Tone, str]:
    """Say what became of a message: the furthest of its statuses, or how our own call ended. Accepted is not green."""
    if message.direction == Message.Direction.IN:
        return Tone.QUIET, _("Received")
    if message.failed_at and not (message.delivered_at or message.read_at):
        return Tone.BAD, _("Not delivered")
    if message.read_at:
        return Tone.GOOD, _("Read")
    if message.delivered_at:
        return Tone.GOOD, _("Delivered")
    if message.sent_at:
        return Tone.BUSY, _("Sent, not delivered yet")
    known = message.state in _State.values
    tone = _STATE_TONES.get(_State(message.state), Tone.QUIET) if known else Tone.QUIET
    return tone, message.get_state_display()


def fate_badge(message: Message) -> SafeString:
    """Show what became of a message."""
    tone, text = fate(message)
    return badge(tone, text)


def status_words(status: str) -> tuple[Tone, str]:
    """Say one status; one that we do not know stays as the provider wrote it."""
    known = {
        "sent": (Tone.BUSY, _("Sent")),
        "delivered": (Tone.GOOD, _("Delivered")),
        "read": (Tone.GOOD, _("Read")),
        "failed": (Tone.BAD, _("Not delivered")),
        "deleted": (Tone.QUIET, _("Deleted by the person")),
        "warning": (Tone.WARN, _("Warning")),
    }
    return known.get(status, (Tone.QUIET, status))


def status_badge(status: MessageStatus) -> SafeString:
    """Show one status, with the provider's own word on hover."""
    tone, text = status_words(status.status)
    return badge(tone, text, title=status.status)


def window_badge(until: datetime | None) -> SafeString:
    """Show whether a reply may be written now."""
    if until is None:
        return badge(Tone.QUIET, _("Closed: choose a template"))
    return format_html("{} {}", badge(Tone.GOOD, _("Reply window open until")), when(until))


def fix_of(
    reason: Reason | None,
    *,
    contact: Contact,
    business_id: int | None,
    account: ProviderAccount,
    case: TrustCase | None,
) -> Fix | None:
    """Give the page on which a refusal is mended; None where no page can."""
    if reason in TRUST_REFUSALS:
        if case is None:
            return None
        return Fix(reverse("admin:contacts_trustcase_change", args=[case.pk]), _("Open the identity change"))
    if reason in (Reason.ACCOUNT_PAUSED, Reason.POSTPONED):
        return Fix(reverse("admin:providers_provideraccount_change", args=[account.pk]), _("Open account"))
    record = reverse("admin:contacts_optin_add") + f"?business={business_id or ''}&person={contact.pk}"
    return Fix(record, _("Record a new opt-in") if reason is Reason.WITHDRAWN else _("Record opt-in"))
