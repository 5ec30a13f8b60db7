"""What a message leaves in the ledger: neither its text nor its wamid, which holds the person's number."""

from datetime import datetime

from audit import ledger
from contacts.models import Message


def record_event(action: str, message: Message, actor: str, now: datetime, **details: object) -> None:
    """Append what happened with a message, in the caller's transaction."""
    ledger.record(
        action=action,
        actor=actor,
        now=now,
        business_id=message.business_id,
        subject=f"Message:{message.pk}",
        pseudonym=message.contact.pseudonym,
        details={"account": message.account_id, "business_number": message.business_number_id, **details},
    )
