"""`doctor`: what is wrong with this installation, and how to mend it."""

from datetime import UTC, datetime
from typing import Any

from django.core.management.base import CommandParser

from audit.command import Exit, ReportingCommand
from waadmin.doctor.examine import examine
from waadmin.doctor.finding import Outcome


class Command(ReportingCommand):
    """Looks at everything, and prints one row a thing that it looked at."""

    help = (
        "Look at settings, database, worker, disks and ledger; say what is wrong and how to mend it. Changes nothing."
    )
    #: What other commands stop at is what it is for.
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Take --providers."""
        parser.add_argument(
            "--providers", action="store_true", help="also try the way to each provider; no number is asked about"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Examine, and end with 1 where something is bad."""
        counts = dict.fromkeys(Outcome, 0)
        for found in examine(now=datetime.now(UTC), outside=options["providers"]):
            counts[found.outcome] += 1
            self.row({"check": found.check, "outcome": str(found.outcome), "seen": found.seen, "mend": found.mend})
        self.say(", ".join(f"{count} {outcome}" for outcome, count in counts.items()))
        if counts[Outcome.BAD]:
            self.note(Exit.ERROR)
