"""export_optouts: who opted out since the last time."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from audit.command import ReportingCommand, actor, invalid
from contacts import exports


class Command(ReportingCommand):
    """Prints one row an opt-out, and last a row that has only the cursor for the next time."""

    help = "Print who opted out since a cursor, for the tool that sends campaigns. The last row has the next cursor."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument(
            "--since", type=int, default=0, metavar="CURSOR", help="the cursor that the last run printed (0: all)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the list and the next cursor."""
        if options["since"] < 0:
            raise invalid("--since is a cursor that an earlier run printed, or 0.")
        for row in exports.opted_out(since=options["since"], actor=actor(), now=datetime.now(UTC)):
            out = None if isinstance(row, int) else row
            self.row(
                {
                    "e164": out.e164 if out else None,
                    "business": out.business if out else None,
                    "purposes": out.purposes if out else None,
                    "withdrawn_at": out.withdrawn_at if out else None,
                    "cursor": row if isinstance(row, int) else row.cursor,
                }
            )
