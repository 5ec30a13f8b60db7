"""`backup DIR`: database, journal of erasures, manifest and signed head, in a new folder."""

import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from audit.command import Exit, ReportingCommand, actor, invalid
from audit.export.folder import FolderTaken
from contacts.erasure.journal import JournalUnreadable
from waadmin.backup.database import DatabaseNotCopied
from waadmin.backup.making import Made, back_up


class Command(ReportingCommand):
    """Makes the folder beside everything that runs, and prints one row a file."""

    help = "Back up the database and the journal of erasures into a new folder, with digests and a signed head."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the folder."""
        parser.add_argument("folder", metavar="DIR", type=Path, help="a folder that is not there yet, or empty")

    def handle(self, *args: Any, **options: Any) -> None:
        """Back up."""
        place = options["folder"].absolute()
        # Asked to stop, it clears up what is half done; only a kill leaves that to the next backup.
        signal.signal(signal.SIGTERM, lambda *_signal: sys.exit(int(Exit.ERROR)))
        try:
            made = back_up(place=place, actor=actor(), now=datetime.now(UTC))
        except FolderTaken:
            raise invalid(f"{place} is there already. Name a folder that is not there yet, or an empty one.") from None
        except (DatabaseNotCopied, JournalUnreadable) as error:
            raise CommandError(f"{error} Nothing was kept.") from None
        except OSError as error:
            raise CommandError(f"{place}: {error.strerror}. Nothing was kept.") from None
        self._report(made)

    def _report(self, made: Made) -> None:
        for file in made.files:
            self.row({"file": file.name, "bytes": file.bytes, "sha256": file.sha256})
        self.say(f"{made.place}: the ledger up to number {made.sequence}, signed.")
        if not made.has_journal:
            self.say("This host has no journal of erasures (ERASURE_JOURNAL); back up those of the others.")
        marks = ", ".join(made.key_fingerprints)
        self.say(f"It holds no key. To restore it FIELD_ENCRYPTION_KEYS must hold the key {marks}: keep it elsewhere.")
