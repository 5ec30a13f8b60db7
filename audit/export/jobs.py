"""Exports that people ask for in the console: recorded, made by a task, kept for a week, downloaded by that person."""

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext as _
from django_q.tasks import async_task

from audit import reach
from audit.export import datasets, marks, parts
from audit.export.datasets import Scope
from audit.export.making import Format, Order
from audit.models import Export, ExportPart

PERMISSION = "audit.export_audit"
KEPT = timedelta(days=7)
#: How often a lost process is made up for.
ATTEMPTS = 3


class ExportRefused(ValueError):
    """It cannot be exported or downloaded so; the message names why, and the next step."""


def request(
    *,
    user: User,
    file_format: Format,
    names: list[str],
    since: datetime | None,
    until: datetime,
    filters: dict[str, int],
    now: datetime,
) -> Export:
    """Record that a person wants an export, and have it made.

    :raises ExportRefused: when nothing is chosen, the range is empty, a filter names what is not there, or the person
        reaches some businesses only and asks for what concerns others.
    """
    reached = reach.businesses(user)
    if not names:
        raise ExportRefused(_("Choose at least one dataset."))
    if since is not None and since >= until:
        raise ExportRefused(_("The range ends before it begins."))
    _check_reach(names, filters, reached)
    export = Export(
        requested_by=user.get_username(),
        user_id=user.pk,
        requested_at=now,
        format=file_format,
        datasets=[dataset.name for dataset in datasets.named(names)],
        since=since,
        until=until,
        filters={name: [identity, name_of(name, identity, reached)] for name, identity in filters.items()},
        permissions=sorted(name for name in datasets.guarding_permissions() if user.has_perm(name)),
        of_every_business=reached is None,
    )
    order = order_of(export)
    with transaction.atomic():
        export.save(force_insert=True)
        async_task("audit.export.tasks.run", export.pk)
        mark("export.requested", export, now, **marks.asked(order))
    return export


def _check_reach(names: list[str], filters: dict[str, int], reached: reach.Businesses) -> None:
    if reached is None:
        return
    if filters.get(datasets.BUSINESS) not in reached:
        raise ExportRefused(_("Choose one of your businesses: you are not assigned to every business."))
    if set(names) - {one.name for one in datasets.in_reach(reached)}:
        raise ExportRefused(str(reach.CONCERNS_EVERYBODY))


def name_of(filter_name: str, identity: int, reached: reach.Businesses) -> str:
    """Give the name of what an export is narrowed to.

    :raises ExportRefused: when there is no such thing in reach.
    """
    for one in datasets.all_filters():
        if one.name == filter_name:
            for known, name in one.choices(reached):
                if known == identity:
                    return name
    raise ExportRefused(_("There is no such %(filter)s any more.") % {"filter": filter_name})


def own(user: User) -> QuerySet[Export]:
    """Give the exports that this person asked for; nobody sees another's."""
    return Export.objects.filter(user_id=user.pk)


def may_have(export: Export) -> bool:
    """Tell whether the person who asked for it may still export, and see and reach all that it was made with."""
    user = User.objects.filter(pk=export.user_id, is_active=True).first()
    if user is None or not user.has_perms([PERMISSION, *export.permissions]):
        return False
    reached = reach.businesses(user)
    if reached is None:
        return True
    business, _name = export.filters.get(datasets.BUSINESS, [None, ""])
    return not export.of_every_business and business in reached


def download(*, export: Export, user: User, now: datetime) -> Iterator[bytes]:
    """Record the download, then give the ZIP file part by part.

    :raises ExportRefused: when it is not this person's, not ready, removed, or the person may not have it any more.
    """
    if export.user_id != user.pk or not may_have(export):
        raise ExportRefused(_("You may not download this export."))
    if export.state != Export.State.READY or export.kept_until is None or export.kept_until <= now:
        raise ExportRefused(_("This export is not there. Exports are kept for 7 days; ask for it again."))
    with transaction.atomic():
        mark("export.downloaded", export, now, bytes=export.size, manifest_sha256=export.manifest_sha256)
    return parts.read(export)


def drop_kept(*, now: datetime, because: str, actor: str = "waadmin") -> int:
    """Remove every kept export and end those under way, as when a person was erased whom they may hold.

    Give how many there were. Call it in the transaction of whatever makes it necessary.
    """
    held = Export.objects.filter(state__in=[Export.State.WAITING, Export.State.RUNNING, Export.State.READY])
    return _remove(held, now=now, because=because, actor=actor)


def purge(*, now: datetime) -> int:
    """Remove exports whose time is over, and give how many there were."""
    with transaction.atomic():
        # What a process wrote after another had taken over.
        ExportPart.objects.exclude(claim=F("export__claim")).delete()
        over = Export.objects.filter(state=Export.State.READY, kept_until__lte=now)
        return _remove(over, now=now, because="time is over", actor="waadmin")


def sweep(*, now: datetime) -> int:
    """Queue what waits or lost its process once more, give up what was tried often enough; give how many it queued."""
    queued = 0
    # A task that is on its way has a minute before it is looked for.
    waits = Q(state=Export.State.WAITING, requested_at__lte=now - timedelta(minutes=1))
    for export in Export.objects.filter(waits | Q(state=Export.State.RUNNING, lease_until__lte=now)):
        if export.attempts < ATTEMPTS:
            async_task("audit.export.tasks.run", export.pk)
            queued += 1
            continue
        with transaction.atomic():
            ExportPart.objects.filter(export=export).delete()
            given_up = Export.objects.filter(pk=export.pk, claim=export.claim, lease_until__lte=now).update(
                state=Export.State.FAILED,
                problem=_("Its process was lost three times. Ask for less, or use the command export_audit."),
                finished_at=now,
            )
            if given_up:
                mark("export.failed", export, now)
    return queued


def order_of(export: Export) -> Order:
    """Give what is to be made."""
    return Order(
        format=Format(export.format),
        datasets=tuple(export.datasets),
        scope=Scope(
            since=export.since,
            until=export.until,
            filters={name: identity for name, (identity, _name) in export.filters.items()},
            permissions=frozenset(export.permissions),
            of_every_business=export.of_every_business,
        ),
        filter_names={name: known for name, (_identity, known) in export.filters.items()},
    )


def folder_name(export: Export) -> str:
    """Give the name of the folder in the ZIP file, and of that file before its ending."""
    return f"waadmin-export-{export.requested_at:%Y-%m-%d-%H%M}-{str(export.pk)[:4]}"


def subject_of(export_id: uuid.UUID) -> str:
    """Give the name under which the ledger knows an export."""
    return f"Export:{export_id}"


def mark(action: str, export: Export, now: datetime, **details: object) -> None:
    """Append one event about an export, in the caller's transaction."""
    subject, actor = subject_of(export.pk), export.requested_by
    marks.record(action, order_of(export), actor=actor, now=now, subject=subject, details=details)


def _remove(exports: QuerySet[Export], *, now: datetime, because: str, actor: str) -> int:
    ids = list(exports.values_list("pk", flat=True))
    if ids:
        ExportPart.objects.filter(export__in=ids).delete()
        Export.objects.filter(pk__in=ids).update(
            state=Export.State.REMOVED, problem="", size=0, lease_until=None, claim=None
        )
        marks.record_removed(len(ids), because=because, actor=actor, now=now)
    return len(ids)
