"""The journey of a wording: added once, exactly as people saw it, and never changed."""

import hashlib
from datetime import datetime

from django.db import transaction

from audit import ledger
from contacts.models import ConsentText


def add(*, text: ConsentText, actor: str, now: datetime) -> ConsentText:
    """Keep a new version of a wording, with its event; the event holds the wording's digest."""
    with transaction.atomic():
        text.created_at, text.created_by = now, actor
        text.save(force_insert=True)
        ledger.record(
            action="consent_text.added",
            actor=actor,
            now=now,
            business_id=text.business_id,
            subject=f"ConsentText:{text.pk}",
            details={
                "name": text.name,
                "version": text.version,
                "language": text.language,
                "purposes": text.purposes,
                "business_name_shown": text.business_name_shown,
                "text_digest": hashlib.sha256(text.text.encode()).hexdigest(),
                "picture_digest": hashlib.sha256(bytes(text.picture)).hexdigest() if text.picture else None,
            },
        )
    return text
