"""Accounts that end on a date: an auditor's always does, anybody's may."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.contrib.auth.models import Group, User
from django.db import transaction

from audit import ledger
from waadmin.models import StaffAccess

#: The role whose accounts end on a date, as an auditor's work does.
ENDING_ROLE = "Auditors"
#: How long an auditor's account works where nobody has said so yet.
ENDS_AFTER = timedelta(days=90)


def ends_on(user: User) -> date | None:
    """Give the last day of a person's account."""
    access = StaffAccess.objects.filter(user_id=user.pk).first()
    return access.ends_on if access is not None else None


def set_end(*, user: User, last_day: date | None, actor: str, now: datetime) -> bool:
    """Say on which day an account ends, and tell whether that is new."""
    with transaction.atomic():
        access, _created = StaffAccess.objects.select_for_update().get_or_create(user=user)
        if access.ends_on == last_day:
            return False
        access.ends_on = last_day
        access.save(update_fields=["ends_on"])
        details = {"ends_on": last_day.isoformat() if last_day else None}
        ledger.record(action="account.end_set", actor=actor, now=now, subject=f"User:{user.pk}", details=details)
    return True


def end_auditors(sender: Any, instance: Any, action: str, reverse: bool, pk_set: Iterable[int], **kwargs: Any) -> None:
    """Give whoever becomes an auditor a last day, however it came about (receiver of m2m_changed of groups)."""
    if action != "post_add":
        return
    people = User.objects.filter(pk__in=pk_set) if reverse else User.objects.filter(pk=instance.pk)
    groups = Group.objects.filter(pk=instance.pk) if reverse else Group.objects.filter(pk__in=pk_set)
    if not groups.filter(name=ENDING_ROLE).exists():
        return
    last_day = (datetime.now(UTC) + ENDS_AFTER).date()
    for user in people:
        access, _created = StaffAccess.objects.get_or_create(user=user, defaults={"ends_on": last_day})
        if access.ends_on is None:
            StaffAccess.objects.filter(pk=access.pk).update(ends_on=last_day)
