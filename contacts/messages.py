"""Messages: send one, record what became of it, show a conversation, forget its texts in time.

A message needs consent for its purpose, or an open reply window; it is refused while nobody knows who would read it.
How each step is carried out is in `contacts.messaging`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.core.cache import cache
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from audit.retention import let_go
from contacts import gate
from contacts.gate import Decision, Outcome
from contacts.identity.trust import business_of
from contacts.messaging.content import Content, ContentRefused, body_of, content_of
from contacts.messaging.facts import load, policy_for
from contacts.messaging.problems import problem
from contacts.messaging.refusals import MessageRefused, words
from contacts.messaging.sending import Order, close_lost
from contacts.messaging.sending import send as send_order
from contacts.messaging.statuses import record_status
from contacts.models import Contact, Message, MessageStatus, TrustCase
from numbers.models import BusinessNumber
from providers.e164 import Number
from providers.errors import NotConfigured, ProviderError
from providers.interfaces import TemplateFacts, TextMessage
from providers.models import ProviderAccount, Purpose, read_purposes
from providers.registry import message_sender

__all__ = [
    "Content",
    "ContentRefused",
    "MessageRefused",
    "Permit",
    "body_of",
    "close_lost",
    "content_of",
    "conversation",
    "may_send",
    "problem",
    "purge",
    "record_status",
    "reply_window",
    "send",
    "templates",
]

#: Texts of messages are removed after so long; when each was sent, delivered and read stays.
KEEP_TEXTS_FOR = timedelta(days=30)
_TEMPLATES_FOR = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Permit:
    """Whether a message would be let through now, why, and what would go with it."""

    decision: Decision
    #: Until when a reply, and any free text, reaches the person; None where the window is closed.
    window_until: datetime | None
    #: The trusted identity that would go with it; empty where there is none, or the provider compares none.
    identity_hash: str
    #: Why not, in words with the next step; empty where it is let through.
    words: str

    @property
    def allowed(self) -> bool:
        """Tell whether it would leave."""
        return self.decision.outcome is Outcome.ALLOWED

    @property
    def text_reaches(self) -> bool:
        """Tell whether free text reaches the person now; outside the window only a template does."""
        return self.window_until is not None


def send(
    *,
    to: Contact | Number,
    account: ProviderAccount,
    business_number: BusinessNumber | None,
    content: Content,
    actor: str,
    now: datetime,
    purpose: str = Purpose.SERVICE,
    with_hash: bool = True,
    resend_of_case: TrustCase | None = None,
    press: UUID | None = None,
) -> Message:
    """Send one message, once, and give it with what came of the call; call it outside any transaction.

    `press` names one press of a button: the same press again sends nothing and gives the message of the first.

    :raises ContentRefused: when it cannot be sent as it stands.
    :raises MessageRefused: when the gate refuses it, or lets it wait; nothing left.
    :raises NotConfigured: when the account or the number cannot send.
    """
    _check_sender(account, business_number)
    order = Order(
        to=to,
        account=account,
        business_number=business_number,
        business=business_of(account, business_number),
        content=content,
        purpose=purpose_of(content, purpose=purpose, account=account, business_number=business_number),
        actor=actor,
        with_hash=with_hash,
        resend_of_case=resend_of_case,
        press=press,
    )
    return send_order(order, now=now)


def may_send(
    *,
    contact: Contact,
    account: ProviderAccount,
    business_number: BusinessNumber | None,
    now: datetime,
    purpose: str = Purpose.SERVICE,
) -> Permit:
    """Say what would be allowed now, without writing or sending anything.

    :raises NotConfigured: when the account or the number cannot send.
    """
    _check_sender(account, business_number)
    business = business_of(account, business_number)
    sender = message_sender(account)
    known = load(
        contact=contact, account=account, business_number=business_number, business=business, now=now, lock=False
    )
    decision = gate.decide(known.facts, policy_for(account, purpose=purpose, resend=False), now)
    reason = decision.reason
    return Permit(
        decision=decision,
        window_until=gate.reply_window(known.facts, now),
        identity_hash=known.trust.hash_to_send if known.trust is not None and sender.compares_hashes else "",
        words=words(reason, business=business.name, purpose=purpose, account=account) if reason else "",
    )


def reply_window(
    *, contact: Contact, account: ProviderAccount, business_number: BusinessNumber | None, now: datetime
) -> datetime | None:
    """Give until when a service reply may be written to the person; None where the window is closed."""
    business = business_of(account, business_number)
    known = load(
        contact=contact, account=account, business_number=business_number, business=business, now=now, lock=False
    )
    return gate.reply_window(known.facts, now)


def conversation(contact: Contact) -> QuerySet[Message]:
    """Give the messages to and from a person, under every form of their number, newest first."""
    return (
        Message.objects.filter(contact__person_key=contact.person_key)
        .select_related("contact", "business", "account", "business_number", "resend_of_case")
        .order_by("-at", "-pk")
    )


def templates(*, account: ProviderAccount, business_number: BusinessNumber | None) -> tuple[TemplateFacts, ...]:
    """Give the approved templates that may be sent from the number; what was read is used for five minutes.

    :raises ProviderError: when they cannot be read.
    """
    _check_sender(account, business_number)
    waba_id = business_number.business_account.waba_id if business_number else ""
    key = f"templates:{account.pk}:{waba_id}"
    known: tuple[TemplateFacts, ...] | None = cache.get(key)
    if known is None:
        found = message_sender(account).list_templates(waba_id, subject=f"ProviderAccount:{account.pk}")
        known = tuple(
            sorted((one for one in found if one.status == "APPROVED"), key=lambda one: (one.name, one.language))
        )
        cache.set(key, known, timeout=_TEMPLATES_FOR.total_seconds())
    return known


def purpose_of(
    content: Content, *, purpose: str, account: ProviderAccount, business_number: BusinessNumber | None
) -> Purpose:
    """Give the purpose that a message needs: marketing for a marketing template, whatever was said.

    Where the templates cannot be read, what was said stands.
    """
    said = read_purposes(purpose)[0]
    if isinstance(content, TextMessage) or said is Purpose.MARKETING:
        return said
    try:
        known = templates(account=account, business_number=business_number)
    except ProviderError:
        return said
    wanted = (content.name, content.language)
    is_marketing = any((one.name, one.language) == wanted and one.category == "MARKETING" for one in known)
    return Purpose.MARKETING if is_marketing else said


def purge(*, now: datetime) -> int:
    """Remove the texts of messages whose time is over, and give how many there were."""
    before = now - KEEP_TEXTS_FOR
    due = Message.objects.filter(at__lte=before, purged_at__isnull=True)
    purged = let_go(due, action="message.texts_purged", now=now, change={"body": None, "purged_at": now})
    let_go(MessageStatus.objects.filter(received_at__lte=before), action="message.statuses_removed", now=now)
    return purged


def _check_sender(account: ProviderAccount, business_number: BusinessNumber | None) -> None:
    message_sender(account)
    if business_number is None:
        if account.kind != ProviderAccount.Kind.ONPREM:
            raise NotConfigured(_("Choose the number that the message is to come from."))
        return
    if business_number.account.pk != account.pk or account.kind == ProviderAccount.Kind.ONPREM:
        raise NotConfigured(_("The number %(number)s is not one of this account's.") % {"number": business_number.e164})
    if not business_number.phone_number_id:
        raise NotConfigured(
            _("The number %(number)s has no phone number id yet. Add it, or read its WABA from the provider.")
            % {"number": business_number.e164}
        )
