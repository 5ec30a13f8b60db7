"""rotate_keys: encrypt everything anew with the newest key."""

from datetime import UTC, datetime
from typing import Any

from audit.command import Exit, ReportingCommand, actor
from providers import rotation


class Command(ReportingCommand):
    """Encrypts every stored secret with the first of FIELD_ENCRYPTION_KEYS, and prints one row a column."""

    help = "Encrypt everything that is stored anew with the newest key; may be stopped and run again."

    def handle(self, *args: Any, **options: Any) -> None:
        """Rotate, and say what is left."""
        rotated = 0
        for done in rotation.rotate(actor=actor(), now=datetime.now(UTC)):
            rotated += done.rotated
            if done.unreadable:
                self.note(Exit.ERROR)
            elif done.held:
                self.note(Exit.INCOMPLETE)
            self.row(
                {
                    "table": done.table,
                    "column": done.column,
                    "rotated": done.rotated,
                    "held": done.held,
                    "unreadable": done.unreadable,
                }
            )
        self.say(f"{rotated} value(s) encrypted anew.")
        if self._exit is Exit.DONE:
            self.say("Once every process has been restarted with the new key in front, the older ones may go.")
        else:
            self.say("Keep the older keys: not everything could be encrypted anew. Run this again.")
