"""import_optins: import a file of consent events."""

from argparse import ArgumentParser
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from django.utils.translation import gettext as _

from audit.command import Exit, ReportingCommand, actor, invalid
from audit.local_time import LocalTimeRefused, read_zone
from contacts import opt_ins
from contacts.consent.columns import UnusableHeader, read_options
from contacts.consent.committing import ImportRefused
from contacts.consent.csv_file import BadLine
from contacts.consent.importing import Imported, Listener, import_file
from contacts.consent.rehearsal import rehearse
from contacts.consent.rejected import ErrorsFile, Repairs
from contacts.management.commands import business_named
from providers.e164 import Reading

_SHOWN = 20


class Command(ReportingCommand):
    """Imports a file through the journey that the upload form uses."""

    help = (
        "Import a CSV file of consent events: columns phone, given_at, source, evidence and more. Withdrawals are "
        "applied first; lines with errors are reported and left out; importing the same file again changes nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("file", metavar="FILE.csv")
        parser.add_argument("--business", required=True, metavar="B", help="whom the people of the file opted in to")
        parser.add_argument("--name-shown", default="", metavar="N", help="the business name shown, for the whole file")
        parser.add_argument(
            "--numbers",
            dest="reading",
            choices=[item.value for item in Reading],
            default="e164",
            help="how numbers without + are to be read (default: they are refused)",
        )
        parser.add_argument("--region", default="", metavar="XX", help="the region of --numbers national")
        parser.add_argument(
            "--map",
            action="append",
            default=[],
            metavar="OURS=THEIRS",
            help="which column of the file is ours, as phone=Mobile (may be repeated); others go by their names",
        )
        parser.add_argument(
            "--time-zone",
            default="",
            metavar="ZONE",
            help="the zone of times that say none, as America/Lima (default: they are refused)",
        )
        parser.add_argument("--dry-run", action="store_true", help="read everything, keep nothing")
        parser.add_argument("--errors", metavar="FILE", help="write the lines with errors there, to repair and import")

    def handle(self, *args: Any, **options: Any) -> None:
        """Import the file, wait for calls that its withdrawals met, and print what became of its lines."""
        path, business, reading = (
            Path(options["file"]),
            business_named(options["business"]),
            Reading(options["reading"]),
        )
        if options["region"] and reading is not Reading.NATIONAL:
            raise invalid("--region is the region of national numbers: say --numbers national too.")
        if options["errors"] and Path(options["errors"]).resolve() == path.resolve():
            raise invalid("--errors names the file that is to be imported: name another one.")
        try:
            named = read_options(options["map"])
            time_zone = read_zone(options["time_zone"]).key if options["time_zone"] else ""
        except UnusableHeader as error:
            raise invalid(f"--map: {error}") from None
        except LocalTimeRefused as error:
            raise invalid(f"--time-zone: {error}") from None
        declared: dict[str, Any] = {
            "business": business,
            "reading": reading,
            "region": options["region"].upper() or None,
            "name_shown": options["name_shown"],
            "time_zone": time_zone,
            "named": named,
        }
        with ExitStack() as stack:
            try:
                declared["file"] = stack.enter_context(path.open("rb"))
                errors = options["errors"] and stack.enter_context(
                    Path(options["errors"]).open("w", encoding="utf-8-sig", newline="")
                )
            except OSError as error:
                raise invalid(f"{error.filename} cannot be opened: {error.strerror}.") from None
            listener = _Errors(self, errors)
            try:
                if options["dry_run"]:
                    imported = rehearse(**declared, listener=listener)
                else:
                    imported = import_file(
                        **declared,
                        file_name=path.name,
                        actor=actor(),
                        now=datetime.now(UTC),
                        statement=_statement(business.name),
                        listener=listener,
                    )
            except (UnusableHeader, ImportRefused) as error:
                raise invalid(f"{path.name}: {error}") from None
        calls = opt_ins.wait_for_calls(imported.in_flight, business=business)
        if calls:
            self.say(f"Waited for {calls} call(s) to people who opted out.")
        self._report(path, imported, listener, dry_run=options["dry_run"])

    def _report(self, path: Path, imported: Imported, listener: "_Errors", *, dry_run: bool) -> None:
        if listener.unshown:
            self.say(f"… and {listener.unshown} more lines with errors, all in the errors file. What mends them:")
            for repair in listener.repairs.by_count():
                lines = ", ".join(map(str, repair.lines)) + (f" and {repair.more} more" if repair.more else "")
                where = f"{repair.column}: " if repair.column else ""
                self.say(f"{repair.count} lines: {where}{repair.words or 'other errors.'} (lines {lines})")
        if imported.without_plus:
            self.say(
                f"{imported.without_plus} numbers have no leading +. If all are full international digits, say "
                "--numbers digits; if all are national, say --numbers national --region XX."
            )
        if imported.held:
            self.say(
                f"{imported.held} lines are of people who had opted out: a person decides about them in the console."
            )
            self.note(Exit.REFUSED)
        if imported.refused:
            self.note(Exit.INVALID)
        self.row(
            {
                "file": path.name,
                "import": imported.opt_in_import.pk if imported.opt_in_import else None,
                "rows": imported.rows,
                "granted": imported.granted,
                "withdrawn": imported.withdrawn,
                "unchanged": imported.unchanged,
                "held": imported.held,
                "refused": imported.refused,
                "dry_run": dry_run,
            }
        )


class _Errors(Listener):
    """Reports bad lines to the person at the terminal: all of them, or the first few and all to a file."""

    def __init__(self, command: ReportingCommand, file: TextIO | None) -> None:
        self._command = command
        self._file = ErrorsFile(file) if file else None
        self._heard = 0
        self.repairs = Repairs()

    @property
    def unshown(self) -> int:
        """How many lines were only written to the file."""
        return max(0, self._heard - _SHOWN) if self._file else 0

    def begin(self, header: list[str]) -> None:
        """Head the errors file with the columns of the imported one behind its own."""
        if self._file:
            self._file.begin(header)

    def bad_line(self, bad: BadLine) -> None:
        """Report one line."""
        self._heard += 1
        self.repairs.add(bad)
        if self._file:
            self._file.write(bad)
        if not self._file or self._heard <= _SHOWN:
            where = f"line {bad.line}" + (f", {bad.column}" if bad.column else "")
            self._command.say(f"{where}: {bad.reason}")


def _statement(business: str) -> str:
    return _(
        "%(actor)s declares, by running import_optins, that the opt-ins in this file are genuine: each person agreed "
        "to be contacted by %(business)s at the time and in the way that the line says."
    ) % {"actor": actor(), "business": business}
