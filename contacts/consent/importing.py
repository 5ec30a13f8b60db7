"""Importing a file of consent events: streamed, in chunks that are one transaction each, and resumable.

Withdrawals come first, in a pass of their own; then the grants. A chunk's events, its link in the ledger and how far
the import got are committed together, so that a killed import goes on where it stopped and the second import of a file
changes nothing. On PostgreSQL the next chunk is prepared while a second connection commits the last one.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import BinaryIO

from django.db import transaction
from django.utils.translation import gettext as _

from contacts.consent.chunk import Chunk
from contacts.consent.columns import Column, header_digest, require, write_places
from contacts.consent.committing import Committer, ImportRefused
from contacts.consent.csv_file import BadLine, CsvFile
from contacts.consent.lanes import Lanes
from contacts.consent.rows import Event, RowReader
from contacts.consent.state import GRANTED, WITHDRAWN
from contacts.models import OptInImport
from providers.e164 import Reading
from providers.models import Business

_STATE = OptInImport.State


@dataclass(slots=True)
class Imported:
    """What became of the lines of a file."""

    opt_in_import: OptInImport | None = None
    granted: int = 0
    #: Of the granted: lines about people of whom the business has something on record; only a rehearsal counts them.
    further: int = 0
    withdrawn: int = 0
    unchanged: int = 0
    held: int = 0
    refused: int = 0
    #: Lines refused only because their number has no + and nobody declared how to read such numbers.
    without_plus: int = 0
    #: People who opted out by this file while a call for them was on its way: see `contacts.opt_ins.wait_for_calls`.
    in_flight: set[int] = field(default_factory=set)

    @property
    def rows(self) -> int:
        """How many lines the file has, blank ones left out."""
        return self.granted + self.withdrawn + self.unchanged + self.held + self.refused


class Listener:
    """Is told what a file is like while it is read; this one does not listen."""

    def begin(self, header: list[str]) -> None:
        """Hear the file's header, before any line."""

    def bad_line(self, bad: BadLine) -> None:
        """Hear of one line that was not taken."""


def import_file(
    *,
    file: BinaryIO,
    file_name: str,
    business: Business,
    actor: str,
    now: datetime,
    statement: str,
    reading: Reading = Reading.E164,
    region: str | None = None,
    name_shown: str = "",
    time_zone: str = "",
    named: Mapping[str, str] | None = None,
    listener: Listener | None = None,
) -> Imported:
    """Import a file, or carry on an import of this very file, so declared, that was cut short.

    `statement` is the sentence that the person confirmed; `named` says which column is which (our name -> the file's).

    :raises UnusableHeader: when the first line does not name the columns.
    """
    csv_file = CsvFile(file, named=named)
    require(csv_file.places, csv_file.header, name_shown=name_shown)
    declared = {
        "business": business,
        "file_digest": csv_file.digest,
        "numbers_read_as": reading.value,
        "region": (region or "").upper(),
        "business_name_shown": name_shown,
        "time_zone": time_zone,
        "columns": write_places(csv_file.places),
        "header_digest": header_digest(csv_file.header),
        "imported_by": actor,
    }
    unfinished = OptInImport.objects.filter(**declared, state__in=[_STATE.RUNNING, _STATE.FAILED])
    with transaction.atomic():
        # Whoever begins the same file, or died while the database still wrote that, is waited for: one file, one row.
        Business.objects.select_for_update(no_key=True).get(pk=business.pk)
        opt_in_import = unfinished.order_by("-pk").first() or OptInImport.objects.create(
            **declared, file_name=file_name[-255:], statement=statement, started_at=now, state=_STATE.RUNNING
        )
    return _run(opt_in_import, csv_file, now, listener or Listener())


def carry_on(
    *,
    opt_in_import: OptInImport,
    file: BinaryIO,
    now: datetime,
    listener: Listener | None = None,
) -> Imported:
    """Import the file of an existing row: one that waits, or one that was cut short.

    :raises ImportRefused: when it is finished, or `file` is another file.
    :raises UnusableHeader: when the first line does not name the columns.
    """
    csv_file = CsvFile(file, columns=opt_in_import.columns or None)
    if opt_in_import.state == _STATE.FINISHED:
        raise ImportRefused(_("This import is finished."))
    if opt_in_import.file_digest != csv_file.digest:
        raise ImportRefused(_("This is not the file that the import was started with. Start a new import."))
    require(csv_file.places, csv_file.header, name_shown=opt_in_import.business_name_shown)
    return _run(opt_in_import, csv_file, now, listener or Listener())


def report_again(*, opt_in_import: OptInImport, file: BinaryIO, now: datetime, listener: Listener) -> None:
    """Tell of the bad lines of a finished import's file once more; nothing of it is written again."""
    csv_file = CsvFile(file, columns=opt_in_import.columns or None)
    listener.begin(csv_file.header)
    with Lanes() as lanes:
        _Passes(opt_in_import, csv_file, Committer(opt_in_import, now=now), listener).read(lanes)


def _run(opt_in_import: OptInImport, csv_file: CsvFile, now: datetime, listener: Listener) -> Imported:
    began = time.monotonic()
    rows = OptInImport.objects.filter(pk=opt_in_import.pk)
    passes = _Passes(opt_in_import, csv_file, Committer(opt_in_import, now=now), listener)
    rows.update(state=_STATE.RUNNING)
    try:
        listener.begin(csv_file.header)
        with Lanes() as lanes:
            passes.read(lanes)
        done = passes.committer.finish(now=now + timedelta(seconds=time.monotonic() - began))
    except ImportRefused:
        raise  # somebody else's import now
    except Exception:
        rows.update(state=_STATE.FAILED)
        raise
    return Imported(
        opt_in_import=done,
        granted=done.granted_count,
        withdrawn=done.withdrawn_count,
        unchanged=done.unchanged_count,
        held=done.held_count,
        refused=done.refused_count,
        without_plus=passes.reader.without_plus,
        in_flight=passes.committer.in_flight,
    )


class _Passes:
    """The one or two readings of the file, from where the import stands to its end."""

    def __init__(self, opt_in_import: OptInImport, csv_file: CsvFile, committer: Committer, listener: Listener) -> None:
        self._row, self._file, self._listener = opt_in_import, csv_file, listener
        self.committer = committer
        self.reader = RowReader(
            business=opt_in_import.business,
            places=csv_file.places,
            reading=Reading(opt_in_import.numbers_read_as),
            region=opt_in_import.region or None,
            name_shown=opt_in_import.business_name_shown,
            time_zone=opt_in_import.time_zone,
        )

    def read(self, lanes: Lanes) -> None:
        """Read the file, twice where it may hold withdrawals, and commit it chunk by chunk."""
        committed = self._row.committed_line
        if committed == 0 and Column.STATE in self._file.places:
            # Until the first grants are committed, withdrawals are all that has been counted.
            self._read_withdrawals(lanes, skip=self._row.withdrawn_count + self._row.unchanged_count)
        self._read_grants(lanes, after=committed)

    def _read_withdrawals(self, lanes: Lanes, *, skip: int) -> None:
        chunk = Chunk(self._row.business_id)
        for row in self._file.rows():
            event = row if isinstance(row, BadLine) else self.reader.read(row)
            if not isinstance(event, Event) or event.state != WITHDRAWN:
                continue
            if skip:
                skip -= 1
                continue
            chunk.add(event)
            if chunk.full:
                self.committer.commit(lanes, chunk, refused=0, line=0)
                chunk = Chunk(self._row.business_id)
        self.committer.commit(lanes, chunk, refused=0, line=0)
        self.reader.without_plus = 0

    def _read_grants(self, lanes: Lanes, *, after: int) -> None:
        """Read what is not a withdrawal; lines that are committed are only reported again, for a complete list."""
        chunk = Chunk(self._row.business_id)
        refused = line = 0
        for row in self._file.rows():
            line = row.line
            event = row if isinstance(row, BadLine) else self.reader.read(row)
            if isinstance(event, BadLine):
                self._listener.bad_line(event)
                refused += line > after
            elif line > after and event.state == GRANTED:
                chunk.add(event)
            if chunk.full:
                self.committer.commit(lanes, chunk, refused=refused, line=line)
                chunk, refused = Chunk(self._row.business_id), 0
        self.committer.commit(lanes, chunk, refused=refused, line=line)
