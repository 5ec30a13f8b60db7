"""`restore DIR`: a backup into an empty database, verified, with erased people erased again."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.checks import Tags
from django.core.management.base import CommandError, CommandParser

from audit.command import ReportingCommand, actor, invalid
from waadmin.backup.database import DatabaseNotCopied
from waadmin.backup.manifest import BackupDamaged
from waadmin.backup.restoring import RestoreFailed, RestoreRefused, restore


class Command(ReportingCommand):
    """Restores, and prints one row a step that held, with what it proved."""

    help = "Restore a backup into an empty database: digests first, then migrations, erasures, triggers, the ledger."
    #: Only the settings: there is no database yet.
    requires_system_checks = [Tags.security]

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the folder, and newer journals."""
        parser.add_argument("folder", metavar="DIR", type=Path, help="what `backup` made")
        parser.add_argument(
            "--journal",
            action="append",
            default=[],
            type=Path,
            metavar="FILE",
            help="a newer journal of erasures; may stand several times, once for each host",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Restore."""
        folder = options["folder"].absolute()
        try:
            for step in restore(folder=folder, journals=options["journal"], actor=actor(), now=datetime.now(UTC)):
                self.row({"step": step.name, "proved": step.proved})
        except (BackupDamaged, RestoreRefused) as error:
            raise invalid(f"Nothing was restored. {error}") from None
        except (DatabaseNotCopied, RestoreFailed) as error:
            raise CommandError(str(error)) from None
