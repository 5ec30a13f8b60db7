"""`backup_drill`: back up, restore into a scratch database, verify, drop it."""

import signal
import sys
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import CommandError

from audit.command import Exit, ReportingCommand, actor
from contacts.erasure.journal import JournalUnreadable
from waadmin.backup.database import DatabaseNotCopied
from waadmin.backup.drilling import DrillFailed, drill


class Command(ReportingCommand):
    """Runs the drill, and prints one row a step that held, with what it proved."""

    help = "Back up, restore into a scratch database, replay erasures, verify, drop it. Nothing is kept."

    def handle(self, *args: Any, **options: Any) -> None:
        """Drill."""
        # Asked to stop, it drops what it has made.
        signal.signal(signal.SIGTERM, lambda *_signal: sys.exit(int(Exit.ERROR)))
        try:
            for step in drill(actor=actor(), now=datetime.now(UTC)):
                self.row({"step": step.name, "proved": step.proved})
        except (DatabaseNotCopied, DrillFailed, JournalUnreadable) as error:
            raise CommandError(str(error)) from None
        except OSError as error:
            raise CommandError(f"The drill could not write: {error.strerror}.") from None
