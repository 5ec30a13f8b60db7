"""The journey of a business: its names and what an opt-in without purposes covers, each change in the ledger."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from audit import ledger
from providers.models import Business


def record_change(
    *, business: Business, created: bool, changed_fields: Sequence[str], actor: str, now: datetime
) -> None:
    """Append the event of a business that a form has saved, in the form's own transaction."""
    with transaction.atomic():
        ledger.record(
            action="business.added" if created else "business.changed",
            actor=actor,
            now=now,
            business_id=business.pk,
            subject=f"Business:{business.pk}",
            details={
                "name": business.name,
                "fields": sorted(changed_fields),
                "names": [
                    {
                        "name": name.name,
                        "from": name.from_date.isoformat() if name.from_date else None,
                        "until": name.until_date.isoformat() if name.until_date else None,
                    }
                    for name in business.names.all()
                ],
            },
        )
