"""export_cleared: who may be messaged now."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from audit.command import ReportingCommand, actor
from contacts import exports
from contacts.management.commands import business_named
from providers.models import Purpose


class Command(ReportingCommand):
    """Prints one row a person, stamped with the time until which the list may be used."""

    help = "Print who may be messaged for a purpose now, for the tool that sends campaigns. Valid for 24 hours."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--business", required=True, metavar="B", help="in whose name")
        parser.add_argument("--purpose", required=True, choices=Purpose.values, help="what for")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the list."""
        rows = exports.cleared(
            business=business_named(options["business"]),
            purpose=options["purpose"],
            actor=actor(),
            now=datetime.now(UTC),
        )
        for row in rows:
            self.row(
                {
                    "e164": row.e164,
                    "wa_id": row.wa_id,
                    "purpose": row.purpose,
                    "opt_in": row.opt_in_id,
                    "given_at": row.given_at,
                    "expires_at": row.expires_at,
                    "generated_at": row.generated_at,
                    "valid_until": row.valid_until,
                }
            )
