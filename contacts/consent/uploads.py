"""An opt-in file that came through a browser: kept encrypted, tried out, confirmed by a person, imported by a task.

Until somebody has confirmed the sentence that the preview shows, nothing of the file counts. The kept file holds
personal data: it goes when the import ends, or when its time is over.
"""

import csv
import hashlib
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _
from django_q.tasks import async_task

from audit import ledger
from audit.csv_cells import safe_cell
from audit.retention import let_go
from contacts import opt_ins
from contacts.consent import importing
from contacts.consent.columns import ERROR_COLUMNS, Column
from contacts.consent.csv_file import BadLine, CsvFile, WithoutPlus, numbers_without_plus
from contacts.consent.importing import Imported, Listener
from contacts.consent.rehearsal import rehearse
from contacts.models import OptInImport
from providers.e164 import Reading
from providers.models import Business

#: A browser sends no larger file; the command import_optins takes any size.
LARGEST = 10 * 1024 * 1024
KEPT_UNCONFIRMED = timedelta(hours=24)
ERRORS_KEPT = timedelta(days=30)
#: More bad lines than this are counted and not kept: such a file is to be exported again, not repaired.
_MOST_ERRORS = 20_000
_LINES_SHOWN = 50


class UploadRefused(ValueError):
    """The file cannot be taken or imported so; the message names the rule and the next step."""


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What importing a kept file would do: counts, some bad lines, bad lines by column, numbers without +."""

    imported: Imported
    bad_lines: Sequence[BadLine]
    by_column: Mapping[str, int]
    without_plus: WithoutPlus
    #: Whether a region is declared, or the file names one: without it no number is read as a national one.
    has_region: bool


@dataclass(slots=True)
class _Listening(Listener):
    """Counts bad lines and writes them to a CSV text that a person can repair and import again."""

    text: io.StringIO = field(default_factory=io.StringIO)
    bad_lines: list[BadLine] = field(default_factory=list)
    by_column: Counter[str] = field(default_factory=Counter)
    written: int = 0

    def begin(self, header: list[str]) -> None:
        csv.writer(self.text).writerow([*ERROR_COLUMNS, *(safe_cell(name) for name in header)])

    def bad_line(self, bad: BadLine) -> None:
        self.by_column[bad.column] += 1
        if len(self.bad_lines) < _LINES_SHOWN:
            self.bad_lines.append(bad)
        if self.written < _MOST_ERRORS:
            self.written += 1
            cells = (bad.line, bad.column, bad.value, bad.reason, *bad.cells)
            csv.writer(self.text).writerow([safe_cell(cell) for cell in cells])


def keep(
    *,
    content: bytes,
    file_name: str,
    business: Business,
    reading: Reading,
    region: str,
    name_shown: str,
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
        statement="",
        imported_by=actor,
        started_at=now,
        content=content,
        purge_after=now + KEPT_UNCONFIRMED,
    )


def declare(*, upload: OptInImport, reading: Reading, region: str, name_shown: str) -> None:
    """Change what is declared about a kept file, before anybody has confirmed it.

    :raises UploadRefused: when it is confirmed already.
    """
    changed = OptInImport.objects.filter(pk=upload.pk, statement="").update(
        numbers_read_as=reading, region=region.upper(), business_name_shown=name_shown
    )
    if not changed:
        raise UploadRefused(_("This import is confirmed already; what was declared about it stays."))


def try_out(upload: OptInImport) -> Rehearsed:
    """Say what importing the kept file would do; nothing is written.

    :raises UnusableHeader: when the first line does not name the columns.
    :raises UploadRefused: when the file is gone.
    """
    listener = _Listening()
    region = upload.region or None
    imported = rehearse(
        file=_file_of(upload),
        business=upload.business,
        reading=Reading(upload.numbers_read_as),
        region=region,
        name_shown=upload.business_name_shown,
        listener=listener,
    )
    csv_file = CsvFile(_file_of(upload))
    return Rehearsed(
        imported=imported,
        bad_lines=listener.bad_lines,
        by_column=dict(listener.by_column.most_common()),
        without_plus=numbers_without_plus(csv_file, region=region),
        has_region=region is not None or Column.REGION in csv_file.places,
    )


def sentence(upload: OptInImport) -> str:
    """Give the sentence that a person confirms, word for word as it is kept."""
    return _(
        "I confirm that each person in “%(file)s” (SHA-256 %(digest)s…) agreed to be contacted on WhatsApp by "
        "%(business)s at the time and in the way that their line says, and that I may prove it."
    ) % {"file": upload.file_name, "digest": upload.file_digest[:12], "business": upload.business.name}


def confirm(*, upload: OptInImport, statement: str, actor: str, now: datetime) -> None:
    """Record who confirmed which sentence, and queue the import.

    :raises UploadRefused: when the sentence is not the one shown, or the import is confirmed already.
    """
    if statement != sentence(upload):
        raise UploadRefused(_("The sentence has changed since the page was opened. Read it again."))
    with transaction.atomic():
        confirmed = OptInImport.objects.filter(
            pk=upload.pk, statement="", state=OptInImport.State.WAITING, content__isnull=False
        ).update(statement=statement, imported_by=actor, started_at=now)
        if not confirmed:
            raise UploadRefused(_("This import is confirmed already, or its file was removed. Upload it again."))
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
            },
        )
        async_task("contacts.tasks.import_opt_ins", upload.pk)


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
        async_task("contacts.tasks.import_opt_ins", upload.pk)


def run(*, import_id: int, now: datetime) -> Imported | None:
    """Import a confirmed file; give nothing where there is nothing to do any more. May run twice, late or never."""
    upload = OptInImport.objects.select_related("business").get(pk=import_id)
    if not upload.statement or upload.content is None or upload.state == OptInImport.State.FINISHED:
        return None
    listener = _Listening()
    imported = importing.carry_on(opt_in_import=upload, file=_file_of(upload), now=now, listener=listener)
    errors = listener.text.getvalue().encode() if listener.written else None
    ended = OptInImport.objects.filter(pk=import_id)
    # Whoever removed the file meanwhile wanted what it says of somebody to be gone: its bad lines too.
    if not ended.filter(content__isnull=False).update(content=None, errors=errors, purge_after=now + ERRORS_KEPT):
        ended.update(errors=None)
    opt_ins.wait_for_calls(imported.in_flight, business=upload.business)
    return imported


def purge(*, now: datetime) -> int:
    """Remove kept files and error files whose time is over, and give how many there were."""
    over = OptInImport.objects.filter(purge_after__lte=now)
    emptied = {"content": None, "errors": None, "purge_after": None}
    return let_go(over, action="opt_in_import.files_removed", now=now, change=emptied)


def _file_of(upload: OptInImport) -> io.BytesIO:
    if upload.content is None:
        raise UploadRefused(_("The file was removed a day after it was uploaded. Upload it again."))
    return io.BytesIO(bytes(upload.content))
