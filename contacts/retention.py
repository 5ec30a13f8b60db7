"""What contacts keep and for how long: restricted people until their date, digests of erased names for a while."""

import logging
from datetime import datetime, timedelta

from audit.retention import let_go
from contacts.erasure import erasing, finishing
from contacts.erasure.journal import JournalNotWritten
from contacts.erasure.restricting import ErasureRefused
from contacts.models import Contact, ErasedName

logger = logging.getLogger(__name__)

#: Longer than anything that may still arrive: providers deliver again for a week, and stored webhooks live for a month.
KEEP_ERASED_NAMES = timedelta(days=90)
_PEOPLE_AT_ONCE = 200
_ACTOR = "waadmin"


def erase_overdue(*, now: datetime) -> int:
    """Erase restricted people whose time is over and carry on what was cut short; give how many were erased."""
    erased = 0
    overdue = Contact.objects.filter(restricted_until__lte=now).order_by("restricted_until", "pk")
    for pk in list(overdue.values_list("pk", flat=True)[:_PEOPLE_AT_ONCE]):
        contact = overdue.filter(pk=pk).first()
        if contact is None:
            continue  # another form of a number that is erased already
        try:
            erasing.erase_overdue(contact=contact, actor=_ACTOR, now=now)
        except ErasureRefused:
            continue  # somebody else has just erased them
        except JournalNotWritten as error:
            logger.error("%s", error)
            break
        erased += 1
    finishing.finish(now=now)
    return erased


def forget_erased_names(*, now: datetime) -> int:
    """Remove digests by which events about erased people are known, once none can come any more."""
    old = ErasedName.objects.filter(erased_at__lt=now - KEEP_ERASED_NAMES)
    return let_go(old, action="erased_names.removed", now=now)
