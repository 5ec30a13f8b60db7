"""Making an export in the background. May run twice, late or never.

An export is one snapshot, and a snapshot lives in one process: so it is one task and not slices. `LONGEST` ends it
before the queue would kill it; what takes longer is made by the command `export_audit`, which has no limit. The task
claims the export with a lease that each sign of life extends, and only the claim that holds it writes to it.
"""

import errno
import logging
import tempfile
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.db import DatabaseError, connection, transaction
from django.db.models import F, Q
from django.utils.translation import gettext as _

from audit.export import marks, parts
from audit.export.folder import temporary_folder
from audit.export.jobs import ATTEMPTS, KEPT, folder_name, mark, may_have, order_of
from audit.export.making import Made, make
from audit.models import Export, ExportPart

#: Less than the 100 s for which a worker that is asked to stop waits, and than the queue's limit of 150 s.
LONGEST = timedelta(seconds=90)
#: A claim without a sign of life for so long is lost. While the database sorts, none comes.
LEASE = timedelta(seconds=120)
#: Between two signs of life.
_EVERY_SECONDS = 1.0
#: Where files lie until they are packed; what a killed process left there is removed by the next one.
PREFIX = "waadmin-export-"

_Clock = Callable[[], datetime]
_log = logging.getLogger(__name__)


class Stopped(Exception):
    """The export under way ends here; the message says why, for the person who asked for it."""


def _utc() -> datetime:
    return datetime.now(UTC)


def run(*, export_id: uuid.UUID, clock: _Clock = _utc) -> int:
    """Make a waiting export, or one whose process was lost, and give how many rows it has."""
    claimed = _claim(export_id, clock())
    if claimed is None:
        return 0
    export, claim = claimed
    try:
        if not may_have(export):
            raise Stopped(_("Whoever asked for it may not export any more."))
        with temporary_folder(Path(tempfile.gettempdir()), PREFIX) as folder:
            return _make(export, claim, folder, clock)
    except Stopped as stop:
        _fail(export, claim, str(stop), clock())
    except OSError as error:
        _log.error("export %s: %s", export.pk, error.strerror)
        is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        words = _("The worker's disk is full.") if is_full else _("The worker's disk has an error.")
        next_step = _("Ask for less, or use the command export_audit with a folder on another disk.")
        _fail(export, claim, f"{words} {next_step}", clock())
    except DatabaseError:
        # Not its words: they may hold values of rows.
        _log.error("export %s: the database ended it", export.pk)
        _fail(export, claim, _("The database ended it. Try again, or ask for less."), clock())
    return 0


def _claim(export_id: uuid.UUID, now: datetime) -> tuple[Export, uuid.UUID] | None:
    """Take the export, unless it is made, somebody is making it, or it was tried often enough."""
    claim = uuid.uuid4()
    with transaction.atomic():
        taken = Export.objects.filter(
            Q(state=Export.State.WAITING) | Q(state=Export.State.RUNNING, lease_until__lte=now),
            pk=export_id,
            attempts__lt=ATTEMPTS,
        ).update(
            state=Export.State.RUNNING,
            claim=claim,
            lease_until=now + LEASE,
            attempts=F("attempts") + 1,
            rows=0,
        )
        if not taken:
            return None
        export = Export.objects.get(pk=export_id)
        ExportPart.objects.filter(export=export).delete()
    return export, claim


def _make(export: Export, claim: uuid.UUID, folder: Path, clock: _Clock) -> int:
    life = _Life(claim, clock)
    try:
        made = make(order=order_of(export), folder=folder, actor=export.requested_by, now=clock(), tick=life.tick)
        size = parts.pack(folder, export=export.pk, claim=claim, name=folder_name(export), tick=life.tick)
    finally:
        life.close()
    _finish(export, claim, made, size, clock())
    return made.rows


def _finish(export: Export, claim: uuid.UUID, made: Made, size: int, now: datetime) -> None:
    with transaction.atomic():
        finished = Export.objects.filter(pk=export.pk, claim=claim, state=Export.State.RUNNING).update(
            state=Export.State.READY,
            rows=made.rows,
            size=size,
            manifest_sha256=made.manifest_sha256,
            head_sequence=made.head.sequence,
            finished_at=now,
            kept_until=now + KEPT,
            lease_until=None,
            problem="",
        )
        if not finished:
            raise Stopped(_("Another process took it over."))
        mark("export.made", export, now, bytes=size, **marks.made(made))


def _fail(export: Export, claim: uuid.UUID, problem: str, now: datetime) -> None:
    """Leave nothing of it and say why, unless another process is making it."""
    with transaction.atomic():
        ExportPart.objects.filter(export=export, claim=claim).delete()
        failed = Export.objects.filter(pk=export.pk, claim=claim, state=Export.State.RUNNING).update(
            state=Export.State.FAILED, problem=problem[:300], finished_at=now, lease_until=None
        )
        if failed:
            mark("export.failed", export, now)


class _Life:
    """Signs of life of an export that is being made, on a connection of its own: the snapshot's cannot write."""

    def __init__(self, claim: uuid.UUID, clock: _Clock) -> None:
        self._claim = claim
        self._clock = clock
        self._rows = 0
        self._began = self._told = time.monotonic()
        # Inside a test's transaction another connection would not see the export.
        self._own = None if connection.in_atomic_block else connection.copy()

    def tick(self, rows: int) -> None:
        """Count rows, and now and then write down how many there are.

        :raises Stopped: when it takes too long, or another process took over.
        """
        self._rows += rows
        at = time.monotonic()
        if at - self._began > LONGEST.total_seconds():
            raise Stopped(
                _("It takes longer than %(seconds)d seconds. Narrow it, choose CSV, or use the command export_audit.")
                % {"seconds": LONGEST.total_seconds()}
            )
        if at - self._told >= _EVERY_SECONDS:
            self._told = at
            self._tell()

    def _tell(self) -> None:
        through = self._own or connection
        fields = Export._meta
        until, claim = fields.get_field("lease_until"), fields.get_field("claim")
        with through.cursor() as cursor:
            cursor.execute(
                "UPDATE audit_export SET rows = %s, lease_until = %s WHERE claim = %s AND state = 'RUNNING'",
                [
                    self._rows,
                    until.get_db_prep_value(self._clock() + LEASE, through),
                    claim.get_db_prep_value(self._claim, through),
                ],
            )
            if cursor.rowcount != 1:
                raise Stopped(_("Another process took it over, or it was removed."))

    def close(self) -> None:
        """Close the connection of its own."""
        if self._own is not None:
            self._own.close()
