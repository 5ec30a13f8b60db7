"""erase_person: erase one person under every form of their number."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from audit.command import Exit, ReportingCommand, actor, invalid
from contacts.erasure import erasing, finishing, persons
from contacts.erasure.journal import JournalNotWritten
from contacts.erasure.restricting import ErasureRefused
from contacts.management.commands import add_person_and_reason, contact_of


class Command(ReportingCommand):
    """Erases through the journey that the console uses, and finishes at once what can be finished."""

    help = (
        "Erase one person: every row that holds something of them goes; consent events stay by pseudonym. "
        "It cannot be undone."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        add_person_and_reason(parser)
        parser.add_argument("--dry-run", action="store_true", help="only print what would go")

    def handle(self, *args: Any, **options: Any) -> None:
        """Erase, and print what went, one row a kind."""
        contact, now = contact_of(options["number"]), datetime.now(UTC)
        for other in persons.known_as_well(contact):
            self.say(f"Also seen under a user id of this person, and not erased: {other.e164}")
        if options["dry_run"]:
            for holding in persons.holdings(contact):
                self.row({"what": holding.name, "rows": holding.count, "erasure": None, "finished": None})
            return
        try:
            entry = erasing.erase(
                contact=contact,
                reason=options["reason"].upper(),
                reference=options["reference"],
                actor=actor(),
                now=now,
            )
        except ErasureRefused as error:
            raise invalid(str(error)) from None
        except JournalNotWritten as error:
            self.say(str(error))
            self.note(Exit.ERROR)
            return
        finishing.finish(now=datetime.now(UTC))
        entry.refresh_from_db()
        for name, count in entry.counts.items():
            self.row({"what": name, "rows": count, "erasure": str(entry.pk), "finished": entry.finished_at is not None})
        if entry.finished_at is None:
            self.say("A stored webhook or a running import still names the person; the worker goes on when it is read.")
            self.note(Exit.INCOMPLETE)
