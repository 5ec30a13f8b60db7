"""verify_audit: say whether the ledger, or an export of it, is what it was."""

from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.db import DatabaseError

from audit import proof, verify
from audit.command import Exit, ReportingCommand

#: This command's own meaning of 2; what it cannot tell is an error as everywhere.
_TAMPERED = Exit.INVALID


class Command(ReportingCommand):
    """Verifies the ledger of this database, or an export of it, and prints one row."""

    help = "Verify the ledger, or an export of it: 0 nothing is wrong, 2 something was changed, 1 cannot tell."
    #: A damaged database is what it is for, and it reports missing triggers itself.
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--export", type=Path, metavar="DIR", help="verify an export instead of the database")
        parser.add_argument("--against", metavar="HEAD", help="an earlier head: its file, its export, or NUMBER:HASH")

    def handle(self, *args: Any, **options: Any) -> None:
        """Verify, and say what was proved."""
        try:
            if options["export"]:
                self._verify_export(options["export"], options["against"])
            else:
                self._verify_database(verify.read_head(options["against"]) if options["against"] else None)
        except (verify.CannotTell, OSError) as error:
            raise CommandError(f"Cannot tell: {error}") from None
        except DatabaseError as error:
            raise CommandError(f"Cannot tell: the database cannot be read: {error}") from None

    def _verify_database(self, against: Mapping[str, Any] | None) -> None:
        proved = proof.prove(against=against)
        for note in proved.notes():
            self.say(note)
        first = proved.faults[0] if proved.faults else None
        self._report(
            result=str(proved.result),
            fault=str(first.kind) if first else None,
            first_bad=first.sequence if first else None,
            head=f"{proved.events}:{proved.hash}",
            proved=proved.words(),
        )

    def _verify_export(self, folder: Path, against: str | None) -> None:
        try:
            said = verify.check(folder, pem=proof.public_key(), against=against)
        except verify.Tampered as fault:
            self._report(result="tampered", fault=fault.kind, first_bad=fault.sequence, head=None, proved=str(fault))
            return
        for line in said[:-1]:
            self.say(line)
        head = verify.read_head(str(folder / "head.json"))
        self._report(
            result="intact" if against else "consistent",
            fault=None,
            first_bad=None,
            head=f"{head['sequence']}:{head['hash']}",
            proved=said[-1],
        )

    def _report(self, *, result: str, proved: str, **values: Any) -> None:
        self.row({"result": result, **values, "proved": proved})
        if result == "tampered":
            self.note(_TAMPERED)
