"""Making an export: every dataset in one snapshot, the whole ledger beside them, a manifest, and a signed head.

The ledger of an export always runs from its first event to the head, whatever the range: a chain cannot be checked in
parts. So it is not in the export of somebody who reaches some businesses only, and neither is what checks it.
docs/exports.md and docs/ledger.md describe the files.
"""

import hashlib
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from django.utils.translation import gettext_lazy as _

from audit import heads, ledger, verify
from audit.export import datasets, manifest
from audit.export.datasets import Attachment, Dataset, Scope
from audit.export.manifest import Written
from audit.export.snapshot import snapshot
from audit.export.writing import DigestingFile, Tick, write_csv, write_json_lines, write_lines
from audit.export.xlsx import write_xlsx
from audit.models import AuditEvent

LEDGER = "ledger.jsonl"
_AT_ONCE = 2_000


class Format(StrEnum):
    """The formats of datasets, named by the ending of their files."""

    CSV = "csv"
    JSON_LINES = "jsonl"
    XLSX = "xlsx"


#: What people read of them.
FORMAT_WORDS = {
    Format.CSV: _("CSV: for databases and scripts"),
    Format.JSON_LINES: _("JSON Lines: for scripts, every value as it is"),
    Format.XLSX: _("XLSX: for Excel and LibreOffice, every number as it is"),
}


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be exported: which datasets of which scope, and how; names of what it is narrowed to, for people."""

    format: Format
    datasets: tuple[str, ...]
    scope: Scope
    filter_names: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Made:
    """An export that was made: its files, the head that its ledger ends with, the digest that names it."""

    files: tuple[Written, ...]
    head: heads.Head
    manifest_sha256: str

    @property
    def rows(self) -> int:
        """How many rows its datasets have; the ledger that goes with every export does not count."""
        return sum(file.rows for file in self.files if file.file != LEDGER and file.columns)


def make(*, order: Order, folder: Path, actor: str, now: datetime, tick: Tick = lambda rows: None) -> Made:
    """Write an export into an empty folder, and sign the head that its ledger ends with.

    `tick` is told of rows as they are written, and ends the export by raising.
    """
    with snapshot():
        head = heads.head()
        files = [file for dataset in datasets.named(order.datasets) for file in _files_of(dataset, order, folder, tick)]
        if order.scope.of_every_business:
            files.append(_write_ledger(folder, head, tick))
    written = manifest.write(order, files, head, actor, now)
    (folder / "manifest.json").write_bytes(written.content)
    (folder / "README.txt").write_text(manifest.read_me(order, files), encoding="utf-8")
    if order.scope.of_every_business:
        _sign(folder, head, actor, now, written.sha256)
    return Made(tuple(files), head, written.sha256)


def _sign(folder: Path, head: heads.Head, actor: str, now: datetime, manifest_sha256: str) -> None:
    # An event may have come between `now` and the snapshot, and no head is signed before its last event.
    signed_at = max(now, head.at) if head.at else now
    signed = heads.sign_head(actor=actor, now=signed_at, of=head, manifest_sha256=manifest_sha256)
    (folder / "head.json").write_text(heads.head_json(signed), encoding="utf-8")
    shutil.copyfile(verify.__file__, folder / "verify.py")


def _files_of(dataset: Dataset, order: Order, folder: Path, tick: Tick) -> Iterator[Written]:
    name = f"{dataset.name}.{order.format}"
    if name == LEDGER:
        return  # it goes with every export, whole
    path, cut = folder / name, 0
    if order.format is Format.XLSX:
        rows, cut = write_xlsx(dataset, order.scope, path, tick)
        size, sha256 = path.stat().st_size, _sha256(path)
    else:
        with path.open("wb", buffering=0) as raw:
            file = DigestingFile(raw)
            write = write_csv if order.format is Format.CSV else write_json_lines
            rows = write(dataset, order.scope, file, tick)
        size, sha256 = file.bytes, file.sha256
    yield Written(
        dataset=dataset.name,
        file=name,
        rows=rows,
        bytes=size,
        sha256=sha256,
        columns=tuple(dataset.column_names),
        narrowed_by=tuple(sorted(set(order.scope.filters) & set(dataset.filters))),
        by_range=bool(dataset.time),
        cut_cells=cut,
    )
    for attachment in dataset.attachments(order.scope) if dataset.attachments else ():
        yield _attach(dataset, attachment, folder)
        tick(0)


def _attach(dataset: Dataset, attachment: Attachment, folder: Path) -> Written:
    with (folder / attachment.file).open("xb") as raw:
        file = DigestingFile(raw)
        file.write(attachment.content)
    return Written(
        dataset=f"{dataset.name}.attachment", file=attachment.file, rows=1, bytes=file.bytes, sha256=file.sha256
    )


def _write_ledger(folder: Path, head: heads.Head, tick: Tick) -> Written:
    events = AuditEvent.objects.filter(sequence__lte=head.sequence).order_by("sequence")
    with (folder / LEDGER).open("wb", buffering=0) as raw:
        file = DigestingFile(raw)
        rows = write_lines(map(_ledger_line, events.iterator(chunk_size=_AT_ONCE)), file, tick)
    columns = tuple(sorted([*ledger.values_of(AuditEvent()), "hash"]))
    return Written(dataset="ledger", file=LEDGER, rows=rows, bytes=file.bytes, sha256=file.sha256, columns=columns)


def _ledger_line(event: AuditEvent) -> bytes:
    return ledger.canonical_bytes(ledger.values_of(event) | {"hash": event.hash})


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
