"""Accounts of the staff: which end on a date, as an auditor's always does, and which businesses they reach."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.contrib.auth.models import Group, User
from django.db import transaction
from django.db.models import Prefetch, QuerySet

from audit import ledger
from providers.models import Business
from waadmin import roles
from waadmin.models import StaffAccess

#: The role whose accounts end on a date, as an auditor's work does.
ENDING_ROLE = "Auditors"
#: How long an auditor's account works where nobody has said so yet.
ENDS_AFTER = timedelta(days=90)
_ROLES = "roles_brought_along"


def brought_along(users: QuerySet[User]) -> QuerySet[User]:
    """Bring along what a list would otherwise ask for each of these people: how long, and for which businesses."""
    theirs = users.select_related("access").prefetch_related("access__businesses")
    return theirs.prefetch_related(Prefetch("groups", to_attr=_ROLES))


def ends_on(user: User) -> date | None:
    """Give the last day of a person's account."""
    access = _access(user)
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


@dataclass(frozen=True, slots=True)
class Assignment:
    """What was said of the businesses that a person reaches: all (True), only some (False), or as the role says."""

    every_business: bool | None
    businesses: tuple[Business, ...] = ()


def assignment(user: User) -> Assignment:
    """Give what was said of the businesses that a person reaches."""
    access = StaffAccess.objects.filter(user_id=user.pk).first()
    if access is None:
        return Assignment(None)
    return Assignment(access.reaches_every_business, tuple(access.businesses.order_by("name")))


def assign(
    *, user: User, every_business: bool | None, businesses: Iterable[Business], actor: str, now: datetime
) -> bool:
    """Say which businesses a person reaches from their next request on, and tell whether that is new."""
    named = frozenset(business.pk for business in businesses) if every_business is False else frozenset[int]()
    with transaction.atomic():
        access, _created = StaffAccess.objects.select_for_update().get_or_create(user=user)
        before = access.reaches_every_business, frozenset(access.businesses.values_list("pk", flat=True))
        if before == (every_business, named):
            return False
        access.reaches_every_business = every_business
        access.save(update_fields=["reaches_every_business"])
        access.businesses.set(named)
        details = {"every_business": every_business, "businesses": sorted(named)}
        ledger.record(action="account.assigned", actor=actor, now=now, subject=f"User:{user.pk}", details=details)
    return True


def businesses_reached(user: Any) -> frozenset[int] | None:
    """Give the ids of the businesses that a person reaches; None for every business."""
    if user.is_superuser:
        return None
    access = _access(user)
    everything = access.reaches_every_business if access is not None else None
    if everything is None:
        everything = user.is_authenticated and not has_role(user, roles.ASSIGNED_ROLES)
    if everything:
        return None
    return frozenset(business.pk for business in access.businesses.all()) if access is not None else frozenset()


def names_reached(user: User) -> list[str] | None:
    """Give the names of the businesses that a person reaches; None for every business."""
    if businesses_reached(user) is None:
        return None
    access = _access(user)
    return sorted(business.name for business in access.businesses.all()) if access is not None else []


def has_role(user: Any, names: Collection[str]) -> bool:
    """Tell whether a person has one of these roles."""
    brought: list[Group] | None = getattr(user, _ROLES, None)
    if brought is not None:
        return any(group.name in names for group in brought)
    return bool(user.groups.filter(name__in=names).exists())


def _access(user: Any) -> StaffAccess | None:
    # Only of a list is it known that what hangs on the user is as it is in the database.
    if hasattr(user, _ROLES):
        return getattr(user, "access", None)
    return StaffAccess.objects.filter(user_id=user.pk).first()


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


def record_saved(*, row: User | Group, created: bool, fields: Iterable[str], actor: str, now: datetime) -> None:
    """Write into the ledger that a user or a role was added or changed in the console, and which fields of it."""
    named = sorted(fields)
    if not created and not named:
        return
    noun = "user" if isinstance(row, User) else "role"
    with transaction.atomic():
        ledger.record(
            action=f"{noun}.added" if created else f"{noun}.changed",
            actor=actor,
            now=now,
            subject=f"{type(row).__name__}:{row.pk}",
            details={"fields": named},
        )
