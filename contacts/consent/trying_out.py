"""The preview of a kept file: what importing it would do, what is to be mended, which numbers have no +."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from contacts.consent.columns import Column, named_at
from contacts.consent.csv_file import CsvFile
from contacts.consent.importing import Imported
from contacts.consent.rehearsal import rehearse
from contacts.consent.rejected import Rejected, Repair
from contacts.consent.uploads import UploadRefused, file_of
from contacts.consent.without_plus import WithoutPlus, numbers_without_plus
from contacts.models import OptInImport
from providers.e164 import Reading


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What importing a kept file would do: counts, what is to be mended, numbers without +."""

    imported: Imported
    repairs: Sequence[Repair]
    without_plus: WithoutPlus
    #: Our columns, each with the file's own name of it.
    mapped: Sequence[tuple[Column, str]]
    #: Whether a region is declared, or the file names one: without it no number is read as a national one.
    has_region: bool

    @property
    def first(self) -> int:
        """How many lines are the first opt-in of their person to the business."""
        return self.imported.granted - self.imported.further


def try_out(upload: OptInImport) -> Rehearsed:
    """Say what importing the kept file would do; nothing is written.

    :raises UnusableHeader: when the first line does not name the columns.
    :raises UploadRefused: when the file is gone, or nobody has said what its columns are.
    """
    if upload.content is not None and not upload.columns:
        raise UploadRefused(_("Nobody has said yet which column holds what. Do that first."))
    listener = Rejected()
    region = upload.region or None
    imported = rehearse(
        file=file_of(upload),
        business=upload.business,
        reading=Reading(upload.numbers_read_as),
        region=region,
        name_shown=upload.business_name_shown,
        time_zone=upload.time_zone,
        columns=upload.columns,
        listener=listener,
    )
    csv_file = CsvFile(file_of(upload), columns=upload.columns)
    return Rehearsed(
        imported=imported,
        repairs=listener.repairs.by_count(),
        without_plus=numbers_without_plus(csv_file, region=region),
        mapped=[(column, named_at(csv_file.header, place)) for column, place in csv_file.places.items()],
        has_region=region is not None or Column.REGION in csv_file.places,
    )
