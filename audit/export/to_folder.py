"""An export into a folder of the file system, made in this process: what the command export_audit does."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import transaction

from audit.export import marks
from audit.export.folder import new_folder
from audit.export.making import Made, Order, make

#: How the ledger names an export that is not kept here.
_SUBJECT = "Export:folder"


def export_to_folder(*, order: Order, place: Path, actor: str, clock: Callable[[], datetime]) -> Made:
    """Make the folder `place` with the export's files directly in it; it is there as a whole or not at all.

    :raises FolderTaken: when `place` is there and is anything but an empty folder.
    :raises OSError: when the disk is full or broken.
    """
    _mark("export.requested", order, actor, clock(), marks.asked(order))
    try:
        with new_folder(place) as folder:
            made = make(order=order, folder=folder, actor=actor, now=clock())
    except BaseException:
        _mark("export.failed", order, actor, clock(), {})
        raise
    _mark("export.made", order, actor, clock(), marks.made(made))
    return made


def _mark(action: str, order: Order, actor: str, now: datetime, details: dict[str, Any]) -> None:
    with transaction.atomic():
        marks.record(action, order, actor=actor, now=now, subject=_SUBJECT, details=details)
