"""An opt-in file that came through a browser: kept encrypted, tried out, confirmed by a person, imported by a task.

Until somebody has confirmed the sentence that the preview shows, nothing of the file counts. The kept file holds
personal data: it goes when the import ends, or when its time is over.
"""

import hashlib
import io
import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _
from django_q.models import OrmQ
from django_q.tasks import async_task

from audit import ledger
from audit.retention import let_go
from contacts import opt_ins
from contacts.consent import importing
from contacts.consent.columns import (
    UnusableHeader,
    header_digest,
    map_as_picked,
    require,
    write_places,
)
from contacts.consent.csv_file import CsvFile
from contacts.consent.importing import Imported
from contacts.consent.rejected import Rejected
from contacts.models import OptInImport
from providers.e164 import Reading
from providers.models import Business

#: A browser sends no larger file; the command import_optins takes any size.
LARGEST = 10 * 1024 * 1024
KEPT_UNCONFIRMED = timedelta(hours=24)
ERRORS_KEPT = timedelta(days=30)
_TASK = "contacts.tasks.import_opt_ins"


class UploadRefused(ValueError):
    """The file cannot be taken or imported so; the message names the rule and the next step."""


def keep(
    *,
    content: bytes,
    file_name: str,
    business: Business,
    reading: Reading,
    region: str,
    name_shown: str,
    time_zone: str = "",
    actor: str,
    now: datetime,
) -> OptInImport:
    """Keep an uploaded file, encrypted, until it is confirmed or a day is over.

    :raises UploadRefused: when it is empty or too large for a browser.
    """
    if not content:
        raise UploadRefused(_("The file is empty."))
    if len(content) > LARGEST:
        raise UploadRefused(
            _("The file is larger than %(limit)d MB. Use the command import_optins for it.")
            % {"limit": LARGEST // 1024 // 1024}
        )
    return OptInImport.objects.create(
        business=business,
        file_name=file_name[-255:],
        file_digest=hashlib.sha256(content).hexdigest(),
        numbers_read_as=reading,
        region=region.upper(),
        business_name_shown=name_shown,
        time_zone=time_zone,
        statement="",
        imported_by=actor,
        started_at=now,
        content=content,
        purge_after=now + KEPT_UNCONFIRMED,
    )


def map_columns(*, upload: OptInImport, picks: Sequence[str], name_shown: str) -> None:
    """Keep what a person says each column of a kept file is, in the file's order, and count its lines.

    :raises UnusableHeader: when two columns are the same, or one that is needed is missing.
    :raises UploadRefused: when it is confirmed already, or its file is gone.
    """
    csv_file = CsvFile(file_of(upload), columns="")
    if len(picks) != len(csv_file.header):
        raise UnusableHeader(_("The file has other columns than the page showed. Open it again."))
    places = map_as_picked(csv_file.header, picks)
    require(places, csv_file.header, name_shown=name_shown)
    _change(
        upload,
        columns=write_places(places),
        header_digest=header_digest(csv_file.header),
        business_name_shown=name_shown,
        line_count=sum(1 for _row in csv_file.rows()),
    )


def declare(*, upload: OptInImport, reading: Reading, region: str, name_shown: str, time_zone: str = "") -> None:
    """Change what is declared about a kept file, before anybody has confirmed it.

    :raises UploadRefused: when it is confirmed already.
    """
    _change(
        upload,
        numbers_read_as=reading,
        region=region.upper(),
        business_name_shown=name_shown,
        time_zone=time_zone,
    )


def declared(upload: OptInImport) -> str:
    """Give a digest of all that is declared about a kept file: it tells whether a preview still shows it."""
    parts = (
        upload.columns,
        upload.numbers_read_as,
        upload.region,
        upload.business_name_shown,
        upload.time_zone,
    )
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def sentence(upload: OptInImport) -> str:
    """Give the sentence that a person confirms, word for word as it is kept."""
    return _(
        "I confirm that each person in “%(file)s” (SHA-256 %(digest)s…) agreed to be contacted on WhatsApp by "
        "%(business)s at the time and in the way that their line says, and that I may prove it."
    ) % {"file": upload.file_name, "digest": upload.file_digest[:12], "business": upload.business.name}


def confirm(*, upload: OptInImport, statement: str, shown: str, actor: str, now: datetime) -> None:
    """Record who confirmed which sentence, and queue the import; `shown` is what `declared` was on the page.

    :raises UploadRefused: when sentence or declarations are not those shown, or the import is confirmed already.
    """
    if statement != sentence(upload):
        raise UploadRefused(_("The sentence has changed since the page was opened. Read it again."))
    with transaction.atomic():
        waiting = OptInImport.objects.select_for_update().defer("content", "errors").filter(pk=upload.pk)
        row = waiting.filter(statement="", state=OptInImport.State.WAITING, content__isnull=False).first()
        if row is None:
            raise UploadRefused(_("This import is confirmed already, or its file was removed. Upload it again."))
        if not row.columns:
            raise UploadRefused(_("Nobody has said yet which column holds what. Do that first."))
        if declared(row) != shown:
            raise UploadRefused(
                _(
                    "What is declared about the file has changed since this page was opened, in another tab or by "
                    "somebody else. Look at the preview as it is now, then confirm."
                )
            )
        row.statement, row.imported_by, row.started_at = statement, actor, now
        row.save(update_fields=["statement", "imported_by", "started_at"])
        ledger.record(
            action="opt_ins.import_confirmed",
            actor=actor,
            now=now,
            business_id=upload.business_id,
            subject=f"OptInImport:{upload.pk}",
            # Not the sentence itself: it names the file, and a file may be named after somebody.
            details={
                "file_digest": upload.file_digest,
                "statement_digest": hashlib.sha256(statement.encode()).hexdigest(),
                "columns": row.columns,
                "header_digest": row.header_digest,
            },
        )
        async_task(_TASK, upload.pk)


def queue_again(*, upload: OptInImport, actor: str, now: datetime) -> None:
    """Queue an import that an error stopped; it goes on where it was.

    :raises UploadRefused: when it is not stopped, or its file is gone.
    """
    with transaction.atomic():
        stopped = OptInImport.objects.filter(
            pk=upload.pk, state=OptInImport.State.FAILED, content__isnull=False
        ).update(state=OptInImport.State.WAITING)
        if not stopped:
            raise UploadRefused(_("This import is not stopped, or its file was removed. Upload the file again."))
        ledger.record(
            action="opt_ins.import_queued_again",
            actor=actor,
            now=now,
            business_id=upload.business_id,
            subject=f"OptInImport:{upload.pk}",
        )
        async_task(_TASK, upload.pk)


def run(*, import_id: int, now: datetime) -> Imported | None:
    """Import a confirmed file; give nothing where there is nothing to do any more. May run twice, late or never."""
    upload = OptInImport.objects.select_related("business").get(pk=import_id)
    if not upload.statement or upload.content is None:
        return None
    listener, imported = Rejected(), None
    if upload.state == OptInImport.State.FINISHED:
        # Cut off between its last commit and here: all is in, and only the file and what was wrong in it are left.
        importing.report_again(opt_in_import=upload, file=file_of(upload), now=now, listener=listener)
    else:
        imported = importing.carry_on(opt_in_import=upload, file=file_of(upload), now=now, listener=listener)
    errors = listener.text.getvalue().encode() if listener.written else None
    ended = OptInImport.objects.filter(pk=import_id)
    # Whoever removed the file meanwhile wanted what it says of somebody to be gone: its bad lines too.
    if not ended.filter(content__isnull=False).update(content=None, errors=errors, purge_after=now + ERRORS_KEPT):
        ended.update(errors=None)
    if imported is not None:
        opt_ins.wait_for_calls(imported.in_flight, business=upload.business)
    return imported


def take_up_lost() -> int:
    """Queue confirmed imports that no task is left for, and give how many: it was cut off before it could say so."""
    confirmed = OptInImport.objects.filter(content__isnull=False).exclude(statement="")
    # One that an error stopped waits for a person.
    confirmed = confirmed.exclude(state=OptInImport.State.FAILED)
    waiting = list(confirmed.order_by("pk").values_list("pk", flat=True))
    # A task leaves the queue only once it has ended, so that an import under way is found there.
    tasks = [row.task for row in OrmQ.objects.all()] if waiting else []
    queued = {task["args"] for task in tasks if task.get("func") == _TASK}
    lost = [pk for pk in waiting if (pk,) not in queued]
    for pk in lost:
        async_task(_TASK, pk)
    return len(lost)


def purge(*, now: datetime) -> int:
    """Remove kept files and error files whose time is over, and give how many there were."""
    over = OptInImport.objects.filter(purge_after__lte=now)
    emptied = {"content": None, "errors": None, "purge_after": None}
    return let_go(over, action="opt_in_import.files_removed", now=now, change=emptied)


def file_of(upload: OptInImport) -> io.BytesIO:
    """Give the kept file.

    :raises UploadRefused: when it is gone.
    """
    if upload.content is None:
        raise UploadRefused(_("The file was removed a day after it was uploaded. Upload it again."))
    return io.BytesIO(bytes(upload.content))


def _change(upload: OptInImport, **fields: object) -> None:
    if not OptInImport.objects.filter(pk=upload.pk, statement="").update(**fields):
        raise UploadRefused(_("This import is confirmed already; what was declared about it stays."))
