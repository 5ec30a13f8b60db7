"""restrict_person: let nothing be done with one person's data but keeping them, until a date; or lift that."""

from argparse import ArgumentParser
from datetime import UTC, datetime, time
from typing import Any

from audit.command import Exit, ReportingCommand, actor, invalid
from contacts.consent.times import read_time
from contacts.erasure import restricting
from contacts.erasure.journal import JournalNotWritten
from contacts.management.commands import add_person_and_reason, contact_of


class Command(ReportingCommand):
    """Restricts through the journey that the console uses."""

    help = (
        "Restrict what is kept of one person: hidden, never checked or written to, kept as proof until a date and then "
        "erased."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        add_person_and_reason(parser)
        parser.add_argument(
            "--until", metavar="DATE", help="keep the proof until then, as 2031-05-03 (as long as the business says)"
        )
        parser.add_argument("--lift", action="store_true", help="end the restriction instead")

    def handle(self, *args: Any, **options: Any) -> None:
        """Restrict or lift, and print it."""
        contact, now = contact_of(options["number"]), datetime.now(UTC)
        why = {"reason": options["reason"].upper(), "reference": options["reference"], "actor": actor(), "now": now}
        try:
            if options["lift"]:
                entry = restricting.lift(contact=contact, **why)
            else:
                until = _until(options["until"]) or restricting.proposed_until(contact, now=now)
                entry = restricting.restrict(contact=contact, until=until, **why)
        except restricting.ErasureRefused as error:
            raise invalid(str(error)) from None
        except JournalNotWritten as error:
            self.say(str(error))
            self.note(Exit.ERROR)
            return
        self.row(
            {
                "e164": contact.e164,
                "state": entry.kind.lower(),
                "until": entry.until,
                "erasure": str(entry.pk),
            }
        )


def _until(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        at = read_time(text)
    except ValueError as error:
        raise invalid(f"--until {text}: {error}") from None
    # A date alone means the end of that day.
    return datetime.combine(at.date(), time.max, UTC) if len(text) == len("2031-05-03") else at
