"""An export's ZIP file in encrypted parts of a database: written from a folder, read back part by part."""

import io
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from audit.models import Export, ExportPart

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

#: What is held in memory at a time, here and at a download.
PART = 512 * 1024
#: The fastest: lines of a database shrink to a fifth by it already.
_COMPRESSION = 1


class _Parts(io.RawIOBase):
    """Takes bytes as they come and keeps them as parts."""

    def __init__(self, export: UUID, claim: UUID, tick: Callable[[int], None]) -> None:
        self._export, self._claim, self._tick = export, claim, tick
        self._waiting = bytearray()
        self._position = 0
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, content: "ReadableBuffer", /) -> int:
        taken = bytes(content)
        self._waiting += taken
        self.size += len(taken)
        while len(self._waiting) >= PART:
            self._keep(PART)
        return len(taken)

    def finish(self) -> None:
        """Keep what is left."""
        if self._waiting:
            self._keep(len(self._waiting))

    def _keep(self, many: int) -> None:
        self._tick(0)
        content = bytes(self._waiting[:many])
        del self._waiting[:many]
        ExportPart.objects.create(export_id=self._export, claim=self._claim, position=self._position, content=content)
        self._position += 1


def pack(folder: Path, *, export: UUID, claim: UUID, name: str, tick: Callable[[int], None]) -> int:
    """Pack a folder's files into a ZIP file, under a folder of that name, and give its size in bytes.

    `tick` is asked before each part whether to go on, and ends it by raising.
    """
    parts = _Parts(export, claim, tick)
    with zipfile.ZipFile(parts, "w", zipfile.ZIP_DEFLATED, compresslevel=_COMPRESSION) as archive:
        for path in sorted(folder.iterdir()):
            entry = zipfile.ZipInfo.from_file(path, f"{name}/{path.name}")
            entry.external_attr = 0o600 << 16
            # A workbook is a ZIP file itself, and pictures do not shrink either.
            already = path.suffix in (".xlsx", ".pdf", ".png", ".jpg", ".jpeg")
            entry.compress_type = zipfile.ZIP_STORED if already else zipfile.ZIP_DEFLATED
            with path.open("rb") as source, archive.open(entry, "w", force_zip64=True) as target:
                shutil.copyfileobj(source, target, PART)
    parts.finish()
    return parts.size


def read(export: Export) -> Iterator[bytes]:
    """Give the ZIP file of an export that is ready, part by part, one in memory at a time."""
    if export.claim is None:
        return
    parts = ExportPart.objects.filter(export=export, claim=export.claim)
    for position in range(-(-export.size // PART)):
        yield parts.get(position=position).content
