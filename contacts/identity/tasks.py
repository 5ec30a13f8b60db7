"""Background tasks of identity cases. Each takes a primary key and nothing else, and may run twice, late or never."""

from datetime import UTC, datetime

from django_q.tasks import async_task

from contacts.identity import cases
from contacts.inbound.suggestions import forget_words
from contacts.messages import KEEP_TEXTS_FOR
from contacts.models import TrustCase

_AT_ONCE = 500


def sweep() -> int:
    """Queue what is due: reminders of open cases, resends that brought no hash; give how many."""
    now = datetime.now(UTC)
    reminders = TrustCase.objects.filter(closed_at=None, remind_at__lte=now)
    late = TrustCase.objects.filter(hash_expected_until__lte=now, no_hash_since=None)
    queued = 0
    for function, rows in (("remind", reminders), ("say_no_hash_came", late)):
        for case_id in rows.order_by("pk").values_list("pk", flat=True)[:_AT_ONCE]:
            async_task(f"contacts.identity.tasks.{function}", case_id)
            queued += 1
    return queued


def remind(case_id: int) -> bool:
    """Bring one open case back to mind."""
    return cases.remind(case_id=case_id, now=datetime.now(UTC))


def say_no_hash_came(case_id: int) -> bool:
    """Let one verified case say that no hash came in time."""
    return cases.say_no_hash_came(case_id=case_id, now=datetime.now(UTC))


def purge() -> int:
    """Remove what people wrote in suggestions when the texts of messages are removed."""
    now = datetime.now(UTC)
    return forget_words(before=now - KEEP_TEXTS_FOR, now=now)
