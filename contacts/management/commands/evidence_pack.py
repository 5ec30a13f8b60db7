"""evidence_pack: everything on record about one person's consent as a JSON file; who complains is opted out first."""

import hashlib
from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from audit.command import ReportingCommand, actor, invalid
from contacts import opt_ins
from contacts.management.commands import business_named, contact_of
from contacts.proof import complaints, pack


class Command(ReportingCommand):
    """Writes the pack that the console shows."""

    help = (
        "Write everything on record about one person's consent to a JSON file. With --complaint the person is opted "
        "out first."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("number", metavar="NUMBER", help="as +491701234567")
        parser.add_argument("--output", required=True, metavar="FILE", help="a file that does not exist yet")
        parser.add_argument("--complaint", metavar="S", help="the person complains: how it came (e-mail, letter …)")
        parser.add_argument("--reason", metavar="TEXT", help="what the person said; with --complaint")
        parser.add_argument(
            "--business",
            action="append",
            default=[],
            metavar="B",
            help="opt out of these only; may stand several times",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Opt out where there is a complaint, then write the file and print its digest."""
        contact = contact_of(options["number"])
        path, waited = Path(options["output"]), 0
        if path.exists():
            raise invalid(f"{path} exists already.")
        if bool(options["complaint"]) != bool(options["reason"]):
            raise invalid("--complaint and --reason belong together.")
        if options["complaint"]:
            named = [business_named(name) for name in options["business"]]
            try:
                waited = complaints.opt_out(
                    contact=contact,
                    businesses=named or complaints.concerned(contact),
                    source=options["complaint"],
                    reason=options["reason"],
                    actor=actor(),
                    now=datetime.now(UTC),
                )
            except opt_ins.OptInRefused as error:
                raise invalid(str(error)) from None
        made, content = pack.make(contact=contact, actor=actor(), now=datetime.now(UTC), written=True)
        try:
            with path.open("xb") as file:
                file.write(content)
        except OSError as error:
            raise invalid(f"{path} cannot be written: {error.strerror}.") from None
        self.row(
            {
                "e164": contact.e164,
                "file": str(path),
                "sha256": hashlib.sha256(content).hexdigest(),
                "events": len(made.events),
                "checks": len(made.checks),
                "messages": len(made.messages),
                "opted_out": bool(options["complaint"]),
                "calls_waited_for": waited,
            }
        )
