"""replay_erasures: erase and restrict again, after a restore, whoever was since the backup."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings

from audit.command import ReportingCommand, actor, invalid
from contacts.erasure import finishing
from contacts.erasure.journal import JournalUnreadable, Line, read
from contacts.erasure.replaying import replay


class Command(ReportingCommand):
    """Replays the journals of all hosts together, in the order of their times."""

    help = (
        "Replay journals of erasures after a restore, before worker and server start. Without a file it is the journal "
        "of this host. A second run changes nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the files."""
        parser.add_argument("files", nargs="*", metavar="FILE", help="journals, as ERASURE_JOURNAL names them")

    def handle(self, *args: Any, **options: Any) -> None:
        """Replay, and print what each line did."""
        now = datetime.now(UTC)
        names = options["files"] or [name for name in (settings.ERASURE_JOURNAL,) if name and Path(name).exists()]
        lines: list[Line] = []
        for name in names:
            try:
                lines += read(Path(name))
            except OSError as error:
                raise invalid(f"{name} cannot be read: {error.strerror}.") from None
            except JournalUnreadable as error:
                raise invalid(f"{name}: {error}") from None
        if not lines:
            self.say("There is no line to replay.")
            return
        for done in replay(lines=lines, actor=actor(), now=now):
            self.row(
                {
                    "erasure": done.line.erasure,
                    "state": done.line.kind.lower(),
                    "at": done.line.at,
                    "known": not done.is_new,
                    "person_found": done.found,
                }
            )
        finishing.finish(now=datetime.now(UTC))
