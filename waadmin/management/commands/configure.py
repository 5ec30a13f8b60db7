"""`configure FILE.toml`: upsert businesses, provider accounts and numbers from a file."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from audit.command import ReportingCommand, actor, invalid
from waadmin import configuration, configuration_file


class Command(ReportingCommand):
    """Reads the file, applies it in one transaction, and prints one row a table of the file."""

    help = "Upsert businesses, accounts and numbers from a TOML file. No network call; a second run changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the file, and --dry-run."""
        parser.add_argument("file", metavar="FILE.toml", type=Path, help="see docs/settings.md for its keys")
        parser.add_argument("--dry-run", action="store_true", help="check the file and show the changes; keep none")

    def handle(self, *args: Any, **options: Any) -> None:
        """Apply the file."""
        try:
            applied = configuration.apply(
                configuration=configuration_file.read(options["file"]),
                actor=actor(),
                now=datetime.now(UTC),
                dry_run=options["dry_run"],
            )
        except configuration_file.ConfigurationInvalid as error:
            raise invalid(str(error)) from None
        for change in applied.changes:
            self.row(
                {
                    "table": change.table,
                    "name": change.name,
                    "change": change.change,
                    "fields": list(change.fields) if self.json else ", ".join(change.fields),
                }
            )
        for warning in applied.warnings:
            self.say(f"warning: {warning}")
        counts = {word: sum(change.change == word for change in applied.changes) for word in configuration.WORDS}
        summary = ", ".join(f"{count} {word}" for word, count in counts.items())
        self.say(f"dry run, nothing kept: {summary}" if options["dry_run"] else summary)
